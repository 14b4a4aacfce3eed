/**
 * `advice` may stay as it is; a `warning` will be one some day, or passes by itself; a `fault` breaks a promise now.
 */
export type Severity = 'fault' | 'warning' | 'advice'

/** Everything that doctor knows: how bad it is, and what to do. docs/cli.md has the same; a test compares. */
export const catalogue = {
  NODE_WITHOUT_STORE: ['fault', 'look at the network between that node and Redis, then at Redis: doctor --redis URL'],
  NEWCOMERS_REFUSED: [
    'warning',
    'the store was away or too slow, or refused them (a full Redis, a broken key): the log of that node, then doctor --redis URL',
  ],
  NODE_FULL: ['warning', 'that node is at WS_MAX_CONNECTIONS: add nodes, or raise it where memory allows that'],
  IDENTITY_AWAY: [
    'warning',
    'the platform or the issuer of tokens does not answer that node, as its log says, or strangers come with what it cannot know',
  ],
  KEY_FILE_UNUSABLE: [
    'warning',
    'the keys read before are in force until that node starts again, and then it does not start: its log says what is wrong',
  ],
  EMBEDDED_STORE: ['advice', 'set REDIS_URL, unless this is the only node'],
  LEASE_LAPSED: [
    'warning',
    'that node is dead, frozen or cut off; another node declares it dead within a renew interval',
  ],
  NODE_LATE: [
    'warning',
    'that node has missed a heartbeat: if none comes before its lease ends, its slots are free then; look at that machine',
  ],
  SETTINGS_DIFFER: [
    'warning',
    'what an org may hold, or what becomes of it, depends on the node that it comes to: give all the same, and restart those that had another',
  ],
  SETTINGS_CHANGING: ['advice', 'as in a deploy: look again when it is over. After an hour it is SETTINGS_DIFFER'],
  VERSIONS_DIFFER: ['advice', 'they may run side by side if both have the same layout: see the change log'],
  ORG_OVER_LIMIT: [
    'warning',
    'a lowered limit or a recovery: `headcount limit set ORG N --close-surplus newest` closes it',
  ],
  REDIS_VERSION: ['fault', 'headcount needs Redis 7.0 or later, or Valkey'],
  REDIS_CLUSTER: ['fault', 'name it as a Redis Cluster: redis+cluster://'],
  BUCKET_AWAY: [
    'fault',
    'newcomers of the orgs in that bucket are refused (503): look at the Redis that serves it, and at CLUSTER SHARDS',
  ],
  BUCKETS_DIFFER: ['fault', 'write the same ?buckets= into every Redis URL; a node that has another is let in nowhere'],
  REPLICA: ['warning', 'nodes need the primary, or the sentinels; for a look at the books a replica may be late'],
  EVICTION_POLICY: ['fault', 'CONFIG SET maxmemory-policy noeviction: a Redis that evicts any keys evicts slots'],
  KEYS_EVICTED: [
    'fault',
    'slots may be gone: set noeviction; the audit of each node repairs its own, within 30 s where many are gone',
  ],
  KEYS_WERE_EVICTED: ['warning', 'slots may have gone then; the audit has repaired them: CONFIG RESETSTAT forgets it'],
  MEMORY_FULL: ['fault', 'new connections are refused (503): raise maxmemory, or find out what fills it'],
  MEMORY_NEARLY_FULL: ['warning', 'raise maxmemory, or find out what fills it'],
  CLIENTS_NEARLY_FULL: ['warning', 'raise maxclients, or find out who holds connections to Redis'],
  REPLICAS_MISSING: [
    'fault',
    'it refuses all writes (NOREPLICAS), and with them newcomers: look at the replicas, or at min-replicas-to-write',
  ],
  WRITES_REFUSED: [
    'fault',
    'newcomers are refused (503), and nodes cannot renew: docs/redis.md says what to do about these words',
  ],
  SAVE_FAILED: [
    'warning',
    'Redis may refuse all writes (MISCONF): free the disk, or do without: CONFIG SET save "", CONFIG SET appendonly no',
  ],
  SLOW_ANSWERS: ['warning', 'nodes wait for 250 ms: look at SLOWLOG, the network, and who else uses this Redis'],
  RIGHTS_MISSING: ['fault', 'give the user the rights that docs/redis.md lists'],
  SCRIPT_NOT_LOADED: ['warning', 'nodes run another version of headcount, or somebody flushed the scripts just now'],
  NO_CLUSTER: ['warning', 'is the prefix right (HEADCOUNT_KEY_PREFIX, --key-prefix), and the database of the URL?'],
  STORE_CHANGED: ['warning', 'Redis was restarted or replaced; the next node that connects begins a recovery (R1)'],
  RECOVERING: [
    'warning',
    'admissions wait (503) until the nodes have told of their connections: 18 s at most by default',
  ],
  NO_NODES: ['warning', 'no node has a lease: start one, or look at the log of one why it has none'],
  NO_RENEWALS: ['fault', 'all nodes are dead, frozen or cut off from this Redis'],
  CLOCK_WENT_BACK: ['warning', 'set the clock of Redis slowly; no lease is lost by it (R3)'],
  DEAD_NOT_SWEPT: ['warning', 'their slots do not count; if it stays, no node sweeps: look at the logs'],
  FENCE_MISMATCH: [
    'fault',
    'somebody has edited our keys; restart that node, or where it is gone ZADD our key `leases` NX 0 and its lease; report it if nobody has',
  ],
  MEMBER_WITHOUT_LEASE: [
    'fault',
    'it takes a slot and nobody sweeps it: SADD its lease to our key `dead`, or where that does not help ZREM it; and report it',
  ],
  MEMBER_WITHOUT_INDEX: ['warning', 'the audit of its node repairs it within 30 s; if it stays, restart that node'],
  INDEX_WITHOUT_MEMBER: ['warning', 'the audit of its node repairs it within 10 min; if it stays, restart that node'],
  INDEX_WITHOUT_LEASE: [
    'warning',
    'leftovers that nobody sweeps, perhaps with slots: SADD its lease to our key `dead`, or where that does not help DEL the key; and report it',
  ],
  ORDER_WITHOUT_LEASE: ['warning', 'harmless: ZREM it, and report it'],
  FOREIGN_TYPE: [
    'fault',
    'somebody else writes under our prefix; whoever needs that key is refused (503) until it is deleted',
  ],
  KEY_EXPIRES: ['fault', 'nothing of ours may vanish by itself: PERSIST the key, and find out who set that'],
  UNKNOWN_KEY: ['advice', 'nothing of this version has such a name: an older or newer version, or somebody else'],
} as const satisfies Record<string, readonly [Severity, string]>

export type FindingCode = keyof typeof catalogue

export interface Finding {
  readonly code: FindingCode
  /** What it is about: a node, an org, a key; empty where it is about the whole. */
  readonly subject: string
  readonly detail: string
  /** The one thing of many with the same code and subject, so that two looks can be compared. */
  readonly item?: string
}
