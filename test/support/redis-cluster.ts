import { Redis } from 'ioredis'
import { slotOfTag } from '../../src/store/redis/slot.js'
import type { Slots } from './books.js'
import { freePort } from './ports.js'
import { findLocalLauncher } from './redis.js'
import { type Launcher, launch, type TestRedis } from './redis-launcher.js'
import { until } from './until.js'

const PRIMARIES = 3
const SLOTS = 16_384
const KEYS_A_MOVE = 100
/** Longer than a move of so many keys may take. */
const COMMAND_MS = 10_000

export interface ClusterServer extends TestRedis {
  readonly id: string
  /** A client that follows no redirect, gives up a command after some seconds, and comes back by itself. */
  readonly admin: Redis
}

/** A Redis Cluster of three primaries, as processes of this machine. */
export interface RedisCluster {
  /** What a node is given. */
  readonly url: string
  readonly servers: readonly ClusterServer[]
  /** Who serves the keys of a bucket now, as most servers say. */
  primaryOf(bucket: number): Promise<ClusterServer>
  /** Moves a bucket, key by key, as a resharding does; commands for it are refused or redirected meanwhile. */
  moveBucket(bucket: number, to: ClusterServer, told?: MoveSteps): Promise<void>
  /** Every org set of all buckets, read past the program. Not at one moment: nobody may be writing. */
  slots(prefix: string): Promise<Slots>
  stop(): Promise<void>
}

/** Called in the middle of a move: before the first key goes, and before and after the new primary serves the bucket. */
export interface MoveSteps {
  readonly leaves?: () => void
  readonly arrives?: () => void
  readonly arrived?: () => void
}

export interface RedisClusterOptions {
  /** A replica for each primary: then one that dies is replaced. */
  readonly replicas?: boolean
  readonly nodeTimeoutMs?: number
  /** What runs the servers; that of the tests where absent. */
  readonly launcher?: Launcher
}

/** Resolves when every server says that all slots are served, and replicas are in sync. */
export async function startRedisCluster({
  replicas = false,
  nodeTimeoutMs = 2_000,
  launcher: given,
}: RedisClusterOptions = {}): Promise<RedisCluster> {
  const launcher = given ?? (await findLocalLauncher())
  // They speak to each other by a port beside the one that a container lets through.
  if (launcher.kind !== 'binary') throw new Error('a cluster needs a redis-server of this machine')
  const servers: ClusterServer[] = []
  const stop = async () => {
    for (const { admin } of servers) admin.disconnect()
    await Promise.all(servers.map((server) => server.stop()))
  }
  try {
    const count = replicas ? 2 * PRIMARIES : PRIMARIES
    for (let i = 0; i < count; i++) servers.push(await startServer(launcher, nodeTimeoutMs))
    await join(servers)
  } catch (error) {
    await stop()
    throw error
  }
  const primaryOf = (bucket: number) => ownerOf(servers, slotOfTag(String(bucket)))
  return {
    url: `redis+cluster://${servers.map(({ host, port }) => `${host}:${port}`).join()}`,
    servers,
    primaryOf,
    moveBucket: async (bucket, to, told = {}) =>
      moveSlot({ slot: slotOfTag(String(bucket)), from: await primaryOf(bucket), to, servers, told }),
    async slots(prefix) {
      const living = servers.filter(({ admin }) => admin.status === 'ready')
      const found = await Promise.all(living.map((server) => slotsIn(server, prefix)))
      return new Map(found.flat())
    },
    stop,
  }
}

async function startServer(launcher: Launcher, nodeTimeoutMs: number): Promise<ClusterServer> {
  const busPort = await freePort()
  const redis = await launch(launcher, {
    args: [
      ...['--cluster-enabled', 'yes', '--cluster-port', `${busPort}`, '--cluster-node-timeout', `${nodeTimeoutMs}`],
      ...['--cluster-require-full-coverage', 'no', '--repl-diskless-sync-delay', '0'],
      ...['--repl-ping-replica-period', '1', '--cluster-replica-validity-factor', '0'],
    ],
  })
  const admin = new Redis({
    ...{ host: redis.host, port: redis.port, maxRetriesPerRequest: null, retryStrategy: () => 50 },
    ...{ enableReadyCheck: false, commandTimeout: COMMAND_MS },
  })
  // Tests end servers on purpose; this client just comes back.
  admin.on('error', () => {})
  return { ...redis, admin, id: String(await admin.call('CLUSTER', 'MYID')) }
}

async function join(servers: readonly ClusterServer[]): Promise<void> {
  const [first] = servers
  const primaries = servers.slice(0, PRIMARIES)
  for (const [i, { admin }] of primaries.entries()) {
    const [from, end] = [i, i + 1].map((part) => Math.floor((part * SLOTS) / PRIMARIES))
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', from!, end! - 1)
  }
  for (const [i, { admin }] of servers.entries()) {
    await admin.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1)
    const busPort = String(await first!.admin.config('GET', 'cluster-port')).split(',')[1]!
    if (admin !== first!.admin) await admin.call('CLUSTER', 'MEET', first!.host, first!.port, busPort)
  }
  const informed = async ({ admin }: ClusterServer) => {
    const info = String(await admin.call('CLUSTER', 'INFO'))
    return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${servers.length}`)
  }
  const patience = { withinMs: 30_000, what: 'all servers of the cluster know each other' }
  await until(async () => (await Promise.all(servers.map(informed))).every(Boolean), patience)
  for (const [i, { admin }] of servers.slice(PRIMARIES).entries()) {
    await admin.call('CLUSTER', 'REPLICATE', primaries[i]!.id)
    await until(async () => (await admin.info('replication')).includes('master_link_status:up'), {
      withinMs: 20_000,
      what: 'a replica is in sync',
    })
  }
}

/** Whether it takes itself for one. */
export async function isPrimary({ admin }: Pick<ClusterServer, 'admin'>): Promise<boolean> {
  return ((await admin.call('ROLE')) as unknown[])[0] === 'master'
}

/** Who serves a slot, as most servers that answer say. */
async function ownerOf(servers: readonly ClusterServer[], slot: number): Promise<ClusterServer> {
  const votes = new Map<string, number>()
  for (const server of servers) {
    if (server.admin.status !== 'ready') continue
    const id = await ownerIn(server, slot)
    if (id !== undefined) votes.set(id, (votes.get(id) ?? 0) + 1)
  }
  const [id] = [...votes].sort(([, one], [, other]) => other - one)[0] ?? []
  const owner = servers.find((server) => server.id === id)
  if (!owner) throw new Error(`nobody serves slot ${slot}`)
  return owner
}

interface Move {
  readonly slot: number
  readonly from: ClusterServer
  readonly to: ClusterServer
  readonly servers: readonly ClusterServer[]
  readonly told: MoveSteps
}

async function moveSlot({ slot, from, to, servers, told }: Move) {
  if (from === to) return
  await to.admin.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id)
  await from.admin.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id)
  told.leaves?.()
  for (;;) {
    const keys = (await from.admin.call('CLUSTER', 'GETKEYSINSLOT', slot, KEYS_A_MOVE)) as string[]
    if (keys.length === 0) break
    await from.admin.call('MIGRATE', to.host, to.port, '', 0, 5_000, 'KEYS', ...keys)
  }
  told.arrives?.()
  await to.admin.call('CLUSTER', 'SETSLOT', slot, 'NODE', to.id)
  told.arrived?.()
  // Replicas hear it from their primaries, and refuse to be told.
  for (const server of servers) {
    if (server !== to && (await isPrimary(server))) await server.admin.call('CLUSTER', 'SETSLOT', slot, 'NODE', to.id)
  }
  await until(() => allAgree(slot, to, servers), { withinMs: 10_000, what: `all know that slot ${slot} has moved` })
}

/**
 * Whether every primary knows that the slot was moved, and as of which config epoch. Moved sooner, the next slot may leave
 * two that each take the other for the one that serves this one, for good.
 */
async function allAgree(slot: number, to: ClusterServer, servers: readonly ClusterServer[]): Promise<boolean> {
  const epochs = new Set<string | undefined>()
  for (const server of servers) {
    if (!(await isPrimary(server))) continue
    if ((await ownerIn(server, slot)) !== to.id) return false
    epochs.add(await configEpochIn(server, to))
  }
  return epochs.size === 1
}

/** As of which config epoch a server knows another one, or itself. */
export async function configEpochIn({ admin }: ClusterServer, of: ClusterServer): Promise<string | undefined> {
  const nodes = String(await admin.call('CLUSTER', 'NODES')).split('\n')
  return nodes.find((line) => line.startsWith(of.id))?.split(' ')[6]
}

/** Whom a server takes for the one that serves a slot. */
async function ownerIn({ admin }: ClusterServer, slot: number): Promise<string | undefined> {
  const ranges = (await admin.call('CLUSTER', 'SLOTS')) as [number, number, [string, number, string]][]
  return ranges.find(([from, to]) => from <= slot && slot <= to)?.[2][2]
}

async function slotsIn(server: ClusterServer, prefix: string): Promise<[string, ReadonlyMap<string, number>][]> {
  if (!(await isPrimary(server))) return []
  const { admin: redis } = server
  const keys = (await redis.keys(`${prefix}{*}:org:*`)).sort()
  return Promise.all(
    keys.map(async (key): Promise<[string, ReadonlyMap<string, number>]> => {
      const flat = await redis.zrange(key, '0', '-1', 'WITHSCORES')
      const ids = flat.filter((_, i) => i % 2 === 0)
      return [key.slice(key.indexOf('}:org:') + 6), new Map(ids.map((id, i) => [id, Number(flat[2 * i + 1])]))]
    }),
  )
}
