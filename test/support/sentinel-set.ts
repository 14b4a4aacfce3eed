import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { type OwnedProcess, spawnOwned, temporaryDirectory } from './owned-process.js'
import { freePort } from './ports.js'
import { findLocalLauncher } from './redis.js'
import { type Launcher, launch, type TestRedis } from './redis-launcher.js'
import { untilRedisAnswers } from './redis-ready.js'
import { until } from './until.js'

const NAME = 'main'
const QUORUM = 2
const PASSWORD = 'pw'
/** Who speaks to the servers: nodes and tests, other servers, sentinels. Nobody gets in without saying so. */
const USERS = ['node', 'replica', 'sentinel'] as const
type User = (typeof USERS)[number]

export interface SetServer extends TestRedis {
  /** A client with all rights, that gives up a command after a second and comes back by itself. */
  readonly admin: Redis
  /** Lets nobody of these in any more and ends their connections, as a network does that lets others pass. */
  shutOut(...users: User[]): Promise<void>
  letIn(...users: User[]): Promise<void>
}

/** A primary, two replicas and three sentinels, as processes of this machine. */
export interface SentinelSet {
  /** What a node is given. */
  readonly url: string
  readonly servers: readonly SetServer[]
  /** What a node would be given if the server had no sentinels. */
  urlOf(server: SetServer): string
  /** What a node would be given that knows no sentinel but one at this port. */
  urlBehind(sentinelPort: number): string
  /** The server that most sentinels name and that takes itself for the primary. */
  primary(): Promise<SetServer>
  stop(): Promise<void>
}

export interface SentinelSetOptions {
  readonly downAfterMs?: number
  /** Further arguments of every server. */
  readonly args?: readonly string[]
  /** What runs the servers; that of the tests where absent. */
  readonly launcher?: Launcher
}

/** Resolves when the replicas are in sync and each sentinel knows all the others: from then on they can fail over. */
export async function startSentinelSet({
  downAfterMs = 1_000,
  args = [],
  launcher: given,
}: SentinelSetOptions = {}): Promise<SentinelSet> {
  const launcher = given ?? (await findLocalLauncher())
  // A sentinel is a process beside the servers: none of them can be in a container.
  if (launcher.kind !== 'binary') throw new Error('sentinels need a redis-server of this machine')
  const servers: SetServer[] = []
  const sentinels: { port: number; process: OwnedProcess; client: Redis }[] = []
  const stop = async () => {
    for (const { client, process } of sentinels) {
      client.disconnect()
      await process.kill()
    }
    for (const server of servers) {
      server.admin.disconnect()
      await server.stop()
    }
  }
  try {
    for (let i = 0; i < 3; i++) servers.push(await startServer(launcher, args, servers[0]?.port))
    for (const replica of servers.slice(1)) {
      await until(async () => (await replica.admin.info('replication')).includes('master_link_status:up'), {
        withinMs: 20_000,
        what: 'a replica is in sync',
      })
    }
    for (let i = 0; i < 3; i++) sentinels.push(await startSentinel(launcher.path, servers[0]!.port, downAfterMs))
    for (const { client } of sentinels) await untilInformed(client)
  } catch (error) {
    await stop()
    throw error
  }
  const login = `node:${PASSWORD}@`
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`)
  return {
    url: `redis+sentinel://${login}${hosts.join(',')}/${NAME}`,
    servers,
    urlOf: (server) => `redis://${login}${server.host}:${server.port}`,
    urlBehind: (port) => `redis+sentinel://${login}127.0.0.1:${port}/${NAME}`,
    async primary() {
      const named = await Promise.all(sentinels.map(({ client }) => portNamedBy(client)))
      const found = servers.find(({ port }) => named.filter((one) => one === port).length >= QUORUM)
      if (!found) throw new Error(`the sentinels name ${named}`)
      const role = (await found.admin.call('ROLE')) as string[]
      if (role[0] !== 'master') throw new Error(`whom the sentinels name is a ${role[0]}`)
      return found
    },
    stop,
  }
}

async function startServer(
  launcher: Launcher,
  args: readonly string[],
  primaryPort: number | undefined,
): Promise<SetServer> {
  const users = USERS.flatMap((user) => ['--user', user, 'on', `>${PASSWORD}`, '~*', '&*', '+@all'])
  const redis = await launch(launcher, {
    args: [
      ...[...users, '--user', 'default', 'off', '--masteruser', 'replica', '--masterauth', PASSWORD],
      ...['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'],
      ...(primaryPort === undefined ? [] : ['--replicaof', '127.0.0.1', `${primaryPort}`]),
      ...args,
    ],
  })
  const admin = new Redis({
    ...{ host: redis.host, port: redis.port, username: 'node', password: PASSWORD },
    ...{ commandTimeout: 1_000, retryStrategy: () => 50 },
  })
  // Tests end servers on purpose; this client just comes back.
  admin.on('error', () => {})
  return {
    ...redis,
    admin,
    async shutOut(...some) {
      for (const user of some) {
        await admin.call('ACL', 'SETUSER', user, 'off')
        await admin.call('CLIENT', 'KILL', 'USER', user)
      }
    },
    async letIn(...some) {
      for (const user of some) await admin.call('ACL', 'SETUSER', user, 'on')
    },
  }
}

async function startSentinel(path: string, primaryPort: number, downAfterMs: number) {
  const port = await freePort()
  const directory = temporaryDirectory()
  const file = join(directory, 'sentinel.conf')
  const settings = [
    ...[`port ${port}`, 'bind 127.0.0.1', `dir ${directory}`],
    `sentinel monitor ${NAME} 127.0.0.1 ${primaryPort} ${QUORUM}`,
    ...[`sentinel auth-user ${NAME} sentinel`, `sentinel auth-pass ${NAME} ${PASSWORD}`],
    ...[`sentinel down-after-milliseconds ${NAME} ${downAfterMs}`, `sentinel failover-timeout ${NAME} 6000`],
    `sentinel parallel-syncs ${NAME} 2`,
  ]
  writeFileSync(file, `${settings.join('\n')}\n`)
  const process = await spawnOwned(path, [file, '--sentinel'])
  await untilRedisAnswers({ host: '127.0.0.1', port }, () => (process.running() ? undefined : process.output()))
  const client = new Redis({ host: '127.0.0.1', port, maxRetriesPerRequest: null })
  client.on('error', () => {})
  return { port, process, client }
}

async function portNamedBy(sentinel: Redis): Promise<number> {
  return Number(((await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)) as string[])[1])
}

async function untilInformed(sentinel: Redis): Promise<void> {
  await until(
    async () => {
      const flat = await sentinel.call('SENTINEL', 'MASTER', NAME)
      const state = String(flat)
      return state.includes('num-slaves,2') && state.includes('num-other-sentinels,2') && state.includes('flags,master')
    },
    { withinMs: 20_000, what: 'a sentinel knows the others and the replicas' },
  )
}
