import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterServer } from '../../test/support/redis-cluster.js'
import type { ClusterSide } from '../cluster-side.js'
import type { Stage } from '../stage.js'
import { type Fault, type FaultPlan, long } from './fault.js'
import { untilItFollows, untilPromoted } from './primary-replaced.js'

const onCluster: NonNullable<Fault['possible']> = ({ redis }) => redis.cluster !== undefined

/** What its replica has not heard is lost, for its orgs alone (R1). */
export const clusterPrimaryKilled: Fault = {
  name: 'cluster: one primary killed, its replica promoted',
  lastsMs: () => 10_000,
  possible: onCluster,
  async happen(stage, plan) {
    const former = await replaced(stage, plan, (primary) => primary.kill())
    await former.restart()
    await untilItFollows(former)
  },
}

/** The same by a primary that does not know of it, and goes on as one until it is told (R1, R4). */
export const clusterPrimaryFrozen: Fault = {
  name: 'cluster: one primary frozen (SIGSTOP), its replica promoted, the former goes on later',
  lastsMs: long,
  possible: onCluster,
  async happen(stage, plan) {
    const former = await replaced(stage, plan, (primary) => primary.pause())
    await sleep(plan.lastsMs)
    await former.resume()
    await untilItFollows(former)
  },
}

/** A part of the orgs is forgotten; the others do not notice (R1, S5). */
export const clusterPrimaryFlushed: Fault = {
  name: 'cluster: FLUSHALL of one primary',
  lastsMs: () => 0,
  possible: onCluster,
  async happen(stage, plan) {
    const [primary, orgs] = await onePart(clusterOf(stage), plan)
    stage.begin('store-lost', undefined, orgs)
    await primary.admin.flushall('SYNC')
  },
}

/** Its keys are all there when it is served again, but by another Redis, which the nodes do not trust (R1). */
export const bucketMoved: Fault = {
  name: 'cluster: a bucket moved to another primary',
  lastsMs: () => 1_000,
  possible: onCluster,
  async happen(stage, { roll }) {
    const cluster = clusterOf(stage)
    const buckets = [...cluster.buckets]
    const [bucket, orgs] = buckets[Math.floor(roll * buckets.length)]!
    const from = await cluster.servers.primaryOf(bucket)
    const others = (await cluster.primaries()).filter((server) => server !== from)
    await cluster.servers.moveBucket(bucket, others[Math.floor(roll * others.length)]!, {
      leaves: () => stage.begin('store-away', undefined, orgs),
      arrives: () => stage.begin('store-lost', undefined, orgs),
      arrived: () => stage.end('store-away'),
    })
  },
}

function clusterOf({ redis: { cluster } }: Stage): ClusterSide {
  if (!cluster) throw new Error('this fault is for a Redis Cluster')
  return cluster
}

/** One of the primaries that keep orgs, and these. */
async function onePart(cluster: ClusterSide, { roll }: FaultPlan): Promise<[ClusterServer, string[]]> {
  const parts: [ClusterServer, string[]][] = []
  for (const primary of await cluster.primaries()) parts.push([primary, await cluster.orgsOf(primary)])
  const kept = parts.filter(([, orgs]) => orgs.length > 0)
  return kept[Math.floor(roll * kept.length)]!
}

/** For its orgs the store is away until the replica is primary: from then on the nodes are to find it. */
async function replaced(
  stage: Stage,
  plan: FaultPlan,
  end: (primary: ClusterServer) => Promise<void>,
): Promise<ClusterServer> {
  const cluster = clusterOf(stage)
  const [former, orgs] = await onePart(cluster, plan)
  const before = await cluster.primaries()
  stage.begin('store-away', undefined, orgs)
  await end(former)
  stage.begin('store-lost', undefined, orgs)
  const others = cluster.servers.servers.filter((server) => !before.includes(server) && server !== former)
  await untilPromoted(others)
  stage.end('store-away')
  return former
}
