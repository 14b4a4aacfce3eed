import { settingsList } from './config-settings.js'
import { didYouMean, nearest } from './nearest.js'

/** Read by the command line, so they may well be set beside a server too. */
const CLIENT_VARIABLES = ['HEADCOUNT_URL', 'HEADCOUNT_KEY', 'HEADCOUNT_ADMIN_URL']

/**
 * One warning for each variable that looks like ours and is not: a slip in a name would otherwise leave the default in
 * force unnoticed.
 */
export function warnOfUnknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const names = settingsList.map(({ name }) => name)
  return Object.keys(env)
    .filter((name) => name.startsWith('HEADCOUNT_') && !names.includes(name) && !CLIENT_VARIABLES.includes(name))
    .filter((name) => !isServiceLink(name, env[name]))
    .map((name) => {
      // PORT and its like have no prefix, so a name is also tried without it.
      const bare = name.slice('HEADCOUNT_'.length)
      const guess = names.find((known) => known === bare) ?? nearest(name, names) ?? nearest(bare, names)
      return `${name} is not a setting and has no effect${didYouMean(guess)}`
    })
}

/** Kubernetes sets such variables in every pod beside a service that is called "headcount". */
function isServiceLink(name: string, value: string | undefined): boolean {
  return (
    /^HEADCOUNT_(SERVICE_(HOST|PORT)|PORT_\d+_)/.test(name) ||
    (name === 'HEADCOUNT_PORT' && /^\w+:\/\//.test(value ?? ''))
  )
}
