import { BlockList, isIP } from 'node:net'
import { formatDuration } from '../core/durations.js'
import { UsageError } from '../core/errors.js'
import { leaseTiming } from '../core/lease-timing.js'
import { defaultNodeName } from '../limiter/node-name.js'
import { parseRedisUrl } from '../store/redis/url.js'
import { type SettingValues, settings, settingsList } from './config-settings.js'
import { type ConfigError, type ConfigInputs, readSources } from './config-sources.js'
import { warnOfUnknownVariables } from './config-unknown.js'

/** Everything the server was told, checked. Times are in milliseconds. */
export interface Config extends SettingValues {
  /** `undefined` means all interfaces. */
  readonly host: string | undefined
  /** Nothing says who may connect: the published demo keys are in force, and `host` is loopback. */
  readonly demoKeys: boolean
  readonly nodeName: string
}

export type LoadedConfig =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly errors: readonly ConfigError[]; readonly warnings: readonly string[] }

/** What a process answers whose configuration is broken: EX_CONFIG of sysexits.h. */
export const CONFIG_EXIT_CODE = 78

/** Reads the settings: flag before environment before file before default. Reports all that is wrong at once. */
export function loadConfig(inputs: ConfigInputs): LoadedConfig {
  const { values, errors } = readValues(readSources(inputs))
  const warnings = warnOfUnknownVariables(inputs.env)
  if (errors.length > 0) return { ok: false, errors, warnings }
  const settled = values as unknown as SettingValues
  return { ...complete(settled), warnings: [...warnings, ...shortTokens(settled)] }
}

function readValues({ given, errors: unread }: ReturnType<typeof readSources>) {
  const values: Record<string, unknown> = {}
  const errors = [...unread]
  for (const setting of settingsList) {
    const from = given.get(setting.name)
    const text = from?.text ?? setting.default
    const parsed = text === undefined ? { value: undefined } : setting.kind.parse(text)
    if ('value' in parsed) {
      values[setting.id] = parsed.value
    } else {
      const shown = setting.kind.show?.(text!) ?? JSON.stringify(text)
      const problem = parsed.problem === undefined ? '' : `: ${parsed.problem}`
      const message = `${setting.name} ${from?.where} is ${shown}${problem}; it takes ${parsed.wanted}.`
      errors.push({ setting: setting.name, message })
    }
  }
  return { values, errors }
}

/** Works out what depends on several settings, and checks them against each other. */
function complete(values: SettingValues): { ok: true; config: Config } | { ok: false; errors: ConfigError[] } {
  const errors: ConfigError[] = []
  const demoKeys = [values.keysFile, values.jwksUrl, values.authCallbackUrl].every((way) => way === undefined)
  const host = values.host ?? (demoKeys ? '127.0.0.1' : undefined)
  if (demoKeys && !isLoopback(host!)) {
    const why = 'everybody knows the demo keys, so they are served on loopback only'
    errors.push({ setting: 'HOST', message: `HOST is "${host}" and HEADCOUNT_KEYS_FILE is not set; ${why}.` })
  }
  errors.push(...missingBeside(values))
  if (values.adminToken !== undefined && values.adminToken === values.adminReadToken) {
    const message = 'ADMIN_READ_TOKEN is the same as ADMIN_TOKEN, so whoever may look could change everything.'
    errors.push({ setting: 'ADMIN_READ_TOKEN', message })
  }
  const sameHost = host === undefined || host === values.adminHost
  if (values.port !== 0 && values.port === values.adminPort && sameHost) {
    const message = `PORT and ADMIN_PORT are both ${values.port}; the two listeners need a port each.`
    errors.push({ setting: 'ADMIN_PORT', message })
  }
  errors.push(...untimely(values), ...spanning(values))
  if (errors.length > 0) return { ok: false, errors }
  return { ok: true, config: { ...values, host, demoKeys, nodeName: values.nodeName ?? defaultNodeName() } }
}

/** Tokens of any issuer or for any audience would be keys that nobody knows of; what is not signed anybody can send. */
function missingBeside(values: SettingValues): ConfigError[] {
  const needs = [
    { way: 'jwksUrl', needed: 'jwtIssuer' },
    { way: 'jwksUrl', needed: 'jwtAudience' },
    { way: 'webhookUrl', needed: 'webhookSecrets' },
  ] as const
  return needs
    .filter(({ way, needed }) => values[way] !== undefined && values[needed] === undefined)
    .map(({ way, needed }) => ({ setting: settings[needed].name, way: settings[way].name }))
    .map(({ setting, way }) => ({ setting, message: `${setting} is not set; with ${way} it must be.` }))
}

/** As many characters as a token of random letters and digits needs so that nobody finds it by trying. */
const SHORTEST_TOKEN = 16

/** Where the admin listener can be reached from elsewhere the token is all that keeps others out. */
function shortTokens({ adminHost, adminToken, adminReadToken }: SettingValues): string[] {
  if (isLoopback(adminHost)) return []
  return Object.entries({ ADMIN_TOKEN: adminToken, ADMIN_READ_TOKEN: adminReadToken })
    .filter(([, token]) => token !== undefined && token.length < SHORTEST_TOKEN)
    .map(
      ([name]) =>
        `${name} has fewer than ${SHORTEST_TOKEN} characters, and ADMIN_HOST is not a loopback address: ` +
        'whoever reaches that listener may guess it.',
    )
}

/** Whether the lease leaves room for a late renewal. */
function untimely({ leaseTtlMs, renewIntervalMs, storeTimeoutMs }: SettingValues): ConfigError[] {
  try {
    leaseTiming({ ttlMs: leaseTtlMs, renewIntervalMs, callTimeoutMs: storeTimeoutMs })
    return []
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    const given = [
      `${settings.leaseTtlMs.name}=${formatDuration(leaseTtlMs)}`,
      `${settings.renewIntervalMs.name}=${formatDuration(renewIntervalMs)}`,
      `${settings.storeTimeoutMs.name}=${formatDuration(storeTimeoutMs)}`,
    ].join(', ')
    return [{ setting: settings.leaseTtlMs.name, message: `${given} do not fit together: ${error.message}.` }]
  }
}

/** Limits that span orgs: of several buckets none knows what the others hold. */
function spanning({ redisUrl, ...values }: SettingValues): ConfigError[] {
  const target = redisUrl === undefined ? undefined : parseRedisUrl(redisUrl)
  if (target === undefined || 'problem' in target || target.buckets === 1) return []
  return (['maxConnectionsPerAddress', 'clusterMaxConnections'] as const)
    .filter((id) => values[id] !== Number.POSITIVE_INFINITY)
    .map((id) => ({ setting: settings[id].name, given: values[id] }))
    .map(({ setting, given }) => {
      const why = `spans orgs, which ${target.buckets} buckets of a Redis Cluster do not count together`
      return { setting, message: `${setting} is ${given}, a limit that ${why}: see docs/redis.md.` }
    })
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

function isLoopback(host: string): boolean {
  const family = isIP(host)
  return family === 0 ? host.toLowerCase() === 'localhost' : loopback.check(host, family === 4 ? 'ipv4' : 'ipv6')
}
