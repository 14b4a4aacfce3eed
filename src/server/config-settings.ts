import { type Kind, kinds } from './config-kinds.js'
import { identitySettings } from './config-settings-identity.js'
import { scopeSettings } from './config-settings-scopes.js'
import { upgradeSettings } from './config-settings-upgrades.js'
import { webhookSettings } from './config-settings-webhook.js'

/** One row of the configuration. */
export interface Setting {
  /** The environment variable, and the property in the configuration file. */
  readonly name: string
  readonly flag: string
  readonly kind: Kind<unknown>
  /** Read like a value from outside; absent where there is none or where it is worked out at start. */
  readonly default?: string
  /** How the default reads in the documentation where `default` is absent. */
  readonly defaultShown?: string
  readonly description: string
}

/** Every setting there is, once. Parsing, flags, `--help` and the table in the README are made from this literal. */
export const settings = {
  port: {
    name: 'PORT',
    flag: '--port',
    kind: kinds.port,
    default: '8080',
    description: 'Port of the public listener, which speaks WebSocket only',
  },
  host: {
    name: 'HOST',
    flag: '--host',
    kind: kinds.host,
    defaultShown: 'all interfaces; 127.0.0.1 while the demo keys are in use',
    description: 'Address of the public listener',
  },
  adminPort: {
    name: 'ADMIN_PORT',
    flag: '--admin-port',
    kind: kinds.port,
    default: '8081',
    description: 'Port of the operators’ listener: health and admin API',
  },
  adminHost: {
    name: 'ADMIN_HOST',
    flag: '--admin-host',
    kind: kinds.host,
    default: '127.0.0.1',
    description: 'Address of the operators’ listener',
  },
  adminToken: {
    name: 'ADMIN_TOKEN',
    flag: '--admin-token',
    kind: kinds.token,
    defaultShown: 'generated and printed once',
    description: 'Bearer token of the admin API; a flag can be seen by every user of the machine, a variable cannot',
  },
  adminReadToken: {
    name: 'ADMIN_READ_TOKEN',
    flag: '--admin-read-token',
    kind: kinds.token,
    defaultShown: 'none',
    description: 'A second token for the admin API, which may read and not change anything',
  },
  redisUrl: {
    name: 'REDIS_URL',
    flag: '--redis-url',
    kind: kinds.redisUrl,
    defaultShown: 'embedded store, for a single node',
    description:
      'The Redis that all nodes of the cluster share: `redis://`, `rediss://`, `redis+sentinel://`, `rediss+sentinel://`, `redis+cluster://`, `rediss+cluster://` or `redis+unix://`',
  },
  maxConnectionsPerOrg: {
    name: 'WS_MAX_CONNECTIONS_PER_ORG',
    flag: '--max-connections-per-org',
    kind: kinds.count,
    default: '3',
    description: 'Connections that an org may hold over the whole cluster',
  },
  tiers: {
    name: 'HEADCOUNT_TIERS',
    flag: '--tiers',
    kind: kinds.tiers,
    default: 'free=3,paid=10',
    description: 'Limits by name, for keys and orgs that are in a tier; `0` admits nobody, `unlimited` sets no limit',
  },
  maxConnections: {
    name: 'WS_MAX_CONNECTIONS',
    flag: '--max-connections',
    kind: kinds.countFromOne,
    default: '1000',
    description: 'Connections that this node may hold, of all orgs together',
  },
  connectionTimeoutMs: {
    name: 'WS_CONNECTION_TIMEOUT',
    flag: '--connection-timeout',
    kind: kinds.durationOrSeconds,
    default: '30s',
    description:
      'A connection that is silent for this long is closed; it is pinged after two thirds of it. One that came by a resume token is pinged at once, and closed after a quarter. A bare number is in seconds',
  },
  ...scopeSettings,
  ...upgradeSettings,
  ...identitySettings,
  ...webhookSettings,
  leaseTtlMs: {
    name: 'HEADCOUNT_LEASE_TTL',
    flag: '--lease-ttl',
    kind: kinds.duration,
    default: '15s',
    description: 'How long the slots of a node that died stay taken',
  },
  renewIntervalMs: {
    name: 'HEADCOUNT_RENEW_INTERVAL',
    flag: '--renew-interval',
    kind: kinds.duration,
    default: '3s',
    description: 'How often a node renews its lease; checked against the lease and the store’s deadline',
  },
  storeTimeoutMs: {
    name: 'HEADCOUNT_STORE_TIMEOUT',
    flag: '--store-timeout',
    kind: kinds.duration,
    default: '250ms',
    description: 'Deadline of one call to the store',
  },
  onStoreDown: {
    name: 'HEADCOUNT_ON_STORE_DOWN',
    flag: '--on-store-down',
    kind: kinds.onStoreDown,
    default: 'deny',
    description:
      'Who is admitted while the store does not answer: nobody (`deny`), up to the limit divided by the nodes last known (`local`), everybody (`allow`)',
  },
  storeDownTimeMs: {
    name: 'HEADCOUNT_STORE_DOWN_TIME',
    flag: '--store-down-time',
    kind: kinds.duration,
    default: '5m',
    description: 'How long `local` and `allow` admit after the store last answered; after that nobody is admitted',
  },
  onLeaseLost: {
    name: 'HEADCOUNT_ON_LEASE_LOST',
    flag: '--on-lease-lost',
    kind: kinds.onLeaseLost,
    default: 'rejoin',
    description:
      'What happens to open connections when the lease is no longer trusted: they stay and are reasserted to the store (`rejoin`), or are closed and pass no frame (`close`)',
  },
  orphanTimeMs: {
    name: 'HEADCOUNT_ORPHAN_TIME',
    flag: '--orphan-time',
    kind: kinds.durationOrUnlimited,
    default: 'unlimited',
    description: 'Under `rejoin`: how long connections stay open once the lease is no longer trusted',
  },
  onLimitLowered: {
    name: 'HEADCOUNT_ON_LIMIT_LOWERED',
    flag: '--on-limit-lowered',
    kind: kinds.onLimitLowered,
    default: 'keep',
    description:
      'What happens when an org holds more than it may: the surplus stays until enough have left (`keep`), or is closed, the `newest` or the `oldest` first',
  },
  nodeName: {
    name: 'HEADCOUNT_NODE_NAME',
    flag: '--node-name',
    kind: kinds.name,
    defaultShown: 'hostname#random',
    description: 'The name under which operators see this node',
  },
  keyPrefix: {
    name: 'HEADCOUNT_KEY_PREFIX',
    flag: '--key-prefix',
    kind: kinds.keyPrefix,
    default: 'hc:1:',
    description: 'Prefix of every key in Redis; the same on all nodes of a cluster',
  },
  drainTimeMs: {
    name: 'HEADCOUNT_DRAIN_TIME',
    flag: '--drain-time',
    kind: kinds.durationOrZero,
    default: '25s',
    description: 'How long a node that stops may take to close its connections',
  },
  logLevel: {
    name: 'HEADCOUNT_LOG_LEVEL',
    flag: '--log-level',
    kind: kinds.logLevel,
    default: 'info',
    description: 'The least severe level that is logged',
  },
  configFile: {
    name: 'HEADCOUNT_CONFIG',
    flag: '--config',
    kind: kinds.path,
    defaultShown: 'none',
    description: 'JSON file with any of these settings under their variables’ names',
  },
} as const satisfies Record<string, Setting>

/** The same as a list, for whoever reads all of them. */
export const settingsList: readonly (Setting & { readonly id: keyof typeof settings })[] = Object.entries(settings).map(
  ([id, setting]) => ({ id: id as keyof typeof settings, ...setting }),
)

type ValueOf<S> = S extends { kind: Kind<infer T> } ? (S extends { default: string } ? T : T | undefined) : never

/** What each setting's text was read as; `undefined` where it has none and no default. */
export type SettingValues = { readonly [Id in keyof typeof settings]: ValueOf<(typeof settings)[Id]> }
