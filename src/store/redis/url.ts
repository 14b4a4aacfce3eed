/** Completes a sentence about what may stand where a Redis is named. */
export const REDIS_URL_ACCEPTED =
  'redis://[user:password@]host[:port][/database], rediss:// for TLS, ' +
  'redis+sentinel://[user:password@]host[:port],…/primary-name[/database], rediss+sentinel:// for TLS, ' +
  'redis+cluster://[user:password@]host[:port],…[?buckets=16], rediss+cluster:// for TLS, ' +
  'or redis+unix:///path[?db=database]'

export interface ServerAddress {
  readonly host: string
  readonly port: number
}

export interface Login {
  readonly username?: string
  readonly password?: string
}

/** Paths of PEM files, read anew for each connection, and the name to ask for where the certificate has another. */
export interface TlsSettings {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly servername?: string
}

/** Where a URL says that Redis is, and how one is let in. */
export interface RedisTarget {
  readonly at:
    | { readonly kind: 'server'; readonly server: ServerAddress }
    | { readonly kind: 'socket'; readonly path: string }
    | { readonly kind: 'sentinels'; readonly sentinels: readonly ServerAddress[]; readonly primary: string }
    /** Some servers of a Redis Cluster; they know the others. */
    | { readonly kind: 'cluster'; readonly servers: readonly ServerAddress[] }
  readonly login: Login
  readonly sentinelLogin: Login
  readonly database: number
  /** Over how many buckets orgs are spread, each a unit of its own; 1 but in a Redis Cluster. */
  readonly buckets: number
  /** Absent for an open connection. */
  readonly tls?: TlsSettings
  /** The same without credentials and options, fit to be shown. */
  readonly description: string
}

const TLS_OPTIONS = ['ca', 'cert', 'key', 'servername']
const SENTINEL_OPTIONS = ['sentinelUser', 'sentinelPassword']

/**
 * What may stand behind the "?" of each scheme: nothing of it reaches the client unread, or deadlines could be lost.
 */
const OPTIONS: ReadonlyMap<string, readonly string[]> = new Map([
  ['redis', []],
  ['rediss', TLS_OPTIONS],
  ['redis+sentinel', SENTINEL_OPTIONS],
  ['rediss+sentinel', [...SENTINEL_OPTIONS, ...TLS_OPTIONS]],
  ['redis+cluster', ['buckets']],
  ['rediss+cluster', ['buckets', ...TLS_OPTIONS]],
  ['redis+unix', ['db']],
])

const URL_PARTS =
  /^(?<scheme>[a-z+]+):\/\/((?<login>[^/?#]*)@)?(?<hosts>[^@/?#]*)(?<path>\/[^?#]*)?(\?(?<query>[^#]*))?$/
const MOST_SERVERS = 16
const BUCKETS_IN_CLUSTER = '16'
/** Each bucket is a connection of every node. */
const BUCKETS = /^([1-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-6])$/
const DATABASE = /^\d{0,5}$/

/**
 * Reads the address of a Redis, or says what is wrong with it. No URL library knows lists of hosts, and none is needed
 * for so little. What it says holds no part of the text but a known scheme: a password with a stray "/", "@" or "?" in
 * it may stand anywhere.
 */
export function parseRedisUrl(text: string): RedisTarget | { readonly problem: string } {
  const parts = URL_PARTS.exec(text)?.groups
  if (!parts) return { problem: 'it is no URL of a Redis' }
  const { scheme = '', hosts = '', path = '' } = parts
  const accepted = OPTIONS.get(scheme)
  if (!accepted) return { problem: 'its scheme is not one of these' }
  const options = new URLSearchParams(parts.query ?? '')
  if ([...options.keys()].some((name) => !accepted.includes(name))) {
    const others = accepted.length > 0 ? `may have ${accepted.join(', ')}` : 'has none'
    return { problem: `an option behind its "?" is not known; ${scheme}:// ${others}` }
  }
  const login = readLogin(parts.login)
  if (!login) return { problem: 'user or password are not percent-encoded well' }
  const place = placeOf(scheme, hosts, path, options)
  if (!place) return { problem: 'host, port, path or database are not of that form' }
  const buckets = place.at.kind === 'cluster' ? (options.get('buckets') ?? BUCKETS_IN_CLUSTER) : '1'
  if (!BUCKETS.test(buckets)) return { problem: 'buckets is a whole number from 1 to 256' }
  const [sentinelUser, sentinelPassword] = SENTINEL_OPTIONS.map((name) => options.get(name))
  return {
    ...place,
    login,
    buckets: Number(buckets),
    sentinelLogin: loginOf(sentinelUser, sentinelPassword),
    ...(scheme.startsWith('rediss') && { tls: tlsSettingsOf(options) }),
    description: `${scheme}://${hosts}${path}`,
  }
}

type Place = Pick<RedisTarget, 'at' | 'database'>

function placeOf(scheme: string, hosts: string, path: string, options: URLSearchParams): Place | undefined {
  if (scheme === 'redis+unix') return hosts === '' ? socketAt(path, options.get('db') ?? '') : undefined
  if (scheme.endsWith('+cluster')) return path === '' || path === '/' ? clusterAt(hosts) : undefined
  return scheme.endsWith('+sentinel') ? sentinelsAt(hosts, path) : serverAt(hosts, path.slice(1))
}

function socketAt(path: string, database: string): Place | undefined {
  if (path.length < 2 || !DATABASE.test(database)) return undefined
  return { at: { kind: 'socket', path }, database: Number(database) }
}

function serverAt(host: string, database: string): Place | undefined {
  const server = addressOf(host, 6_379)
  return server && DATABASE.test(database) ? { at: { kind: 'server', server }, database: Number(database) } : undefined
}

function sentinelsAt(hosts: string, path: string): Place | undefined {
  const [, primary, database = ''] = /^\/([\w.-]+)(?:\/(\d*))?$/.exec(path) ?? []
  const sentinels = addressesOf(hosts, 26_379)
  if (!sentinels || primary === undefined || !DATABASE.test(database)) return undefined
  return { at: { kind: 'sentinels', sentinels, primary }, database: Number(database) }
}

/** A cluster has no other database. */
function clusterAt(hosts: string): Place | undefined {
  const servers = addressesOf(hosts, 6_379)
  return servers && { at: { kind: 'cluster', servers }, database: 0 }
}

function addressesOf(hosts: string, defaultPort: number): readonly ServerAddress[] | undefined {
  const named = hosts.split(',')
  const addresses = named.map((host) => addressOf(host, defaultPort)).filter((address) => address !== undefined)
  return addresses.length < named.length || addresses.length > MOST_SERVERS ? undefined : addresses
}

function addressOf(text: string, defaultPort: number): ServerAddress | undefined {
  const [, bracketed, name, digits] = /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = bracketed ?? name
  const port = digits === undefined ? defaultPort : Number(digits)
  return host !== undefined && port >= 1 && port <= 65_535 ? { host, port } : undefined
}

function readLogin(text: string | undefined): Login | undefined {
  if (text === undefined) return {}
  const colon = text.indexOf(':')
  const [user, password] = colon < 0 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)]
  try {
    return loginOf(decodeURIComponent(user), password === undefined ? undefined : decodeURIComponent(password))
  } catch {
    return undefined
  }
}

function loginOf(username?: string | null, password?: string | null): Login {
  return { ...(username && { username }), ...(password && { password }) }
}

function tlsSettingsOf(options: URLSearchParams): TlsSettings {
  return Object.fromEntries([...options].filter(([name]) => TLS_OPTIONS.includes(name)))
}
