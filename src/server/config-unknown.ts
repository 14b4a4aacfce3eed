import { settingsList } from './config-settings.js'
import { didYouMean } from './did-you-mean.js'
import { nearestSetting, nearestWhole } from './nearest-setting.js'

const names = settingsList.map(({ name }) => name)
const limits = names.filter((name) => name.startsWith('WS_'))

/** Read by the command line, so they may well be set beside a server too. */
const CLIENT_VARIABLES = ['HEADCOUNT_URL', 'HEADCOUNT_KEY', 'HEADCOUNT_ADMIN_URL']

/**
 * One warning for each variable that looks like ours and is not: a slip in a name would otherwise leave the default in
 * force unnoticed. `HEADCOUNT_` is ours alone. `WS_` is not, nor are the names without a prefix: those are told of only
 * where one of our settings is near, and the latter, which every environment is full of, where that one is not set.
 */
export function warnOfUnknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.keys(env)
    .filter((name) => !names.includes(name) && !CLIENT_VARIABLES.includes(name) && !isServiceLink(name, env[name]))
    .flatMap((name) => {
      const guess = meantBy(name)
      if (!name.startsWith('HEADCOUNT_') && guess === undefined) return []
      if (!/^(HEADCOUNT|WS)_/.test(name) && env[guess!]) return []
      return [`${name} is not a setting and has no effect${didYouMean(guess)}`]
    })
}

function meantBy(name: string): string | undefined {
  if (name.startsWith('HEADCOUNT_')) return nearestSetting(name, names)
  const alike = name.startsWith('WS_') ? nearestSetting(name, limits) : undefined
  return alike ?? nearestWhole(name, names)
}

/** Kubernetes sets such variables in every pod beside a service that is called "headcount", or "headcount-admin". */
function isServiceLink(name: string, value: string | undefined): boolean {
  return (
    /^HEADCOUNT_(\w+_)?(SERVICE_(HOST|PORT)|PORT_\d+_)/.test(name) ||
    (/^HEADCOUNT_(\w+_)?PORT$/.test(name) && /^\w+:\/\//.test(value ?? ''))
  )
}
