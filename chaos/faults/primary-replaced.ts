import { setTimeout as sleep } from 'node:timers/promises'
import { isPrimary } from '../../test/support/redis-cluster.js'
import type { SetServer } from '../../test/support/sentinel-set.js'
import { until } from '../../test/support/until.js'
import type { Stage } from '../stage.js'
import { type Fault, long } from './fault.js'

/** So long sentinels, or the servers of a cluster, may take to agree, and then to tell a server that comes back whom it follows. */
const PATIENCE_MS = 60_000

const onSentinels: NonNullable<Fault['possible']> = ({ redis }) => redis.sentinels !== undefined

/** What the replica has not heard is lost, and it is another Redis for the nodes (R1). */
export const primaryKilled: Fault = {
  name: 'primary killed, a replica promoted',
  lastsMs: () => 10_000,
  possible: onSentinels,
  async happen(stage) {
    const former = await replaced(stage, (primary) => primary.kill())
    await former.restart()
    await untilItFollows(former)
  },
}

/** The same by a primary that does not know of it, and goes on as one until it is told (R1, R4). */
export const primaryFrozen: Fault = {
  name: 'primary frozen (SIGSTOP), a replica promoted, the former goes on later',
  lastsMs: long,
  possible: onSentinels,
  async happen(stage, { lastsMs }) {
    const former = await replaced(stage, (primary) => primary.pause())
    await sleep(lastsMs)
    await former.resume()
    await untilItFollows(former)
  },
}

/** The store is away until somebody else is primary: from then on the nodes are to find it. */
async function replaced(stage: Stage, end: (primary: SetServer) => Promise<void>): Promise<SetServer> {
  const { sentinels } = stage.redis
  if (!sentinels) throw new Error('this fault is for sentinels')
  const former = await sentinels.primary()
  const others = sentinels.servers.filter((server) => server !== former)
  stage.begin('store-away')
  await end(former)
  stage.begin('store-lost')
  await untilPromoted(others)
  stage.end('store-away')
  return former
}

export async function untilPromoted(replicas: readonly Pick<SetServer, 'admin'>[]): Promise<void> {
  const promoted = async () => (await Promise.all(replicas.map(isPrimary))).includes(true)
  await until(promoted, { withinMs: PATIENCE_MS, what: 'a replica is promoted' })
}

/** Until then the next fault would find too few replicas. */
export async function untilItFollows({ admin }: Pick<SetServer, 'admin'>): Promise<void> {
  const follows = async () => {
    const info = await admin.info('replication')
    return info.includes('role:slave') && info.includes('master_link_status:up')
  }
  await until(follows, { withinMs: PATIENCE_MS, what: 'the former primary is a replica' })
}
