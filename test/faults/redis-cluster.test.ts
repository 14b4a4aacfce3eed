import { expect, onTestFinished, test } from 'vitest'
import { highestOf, LIMIT, startTrial, type Trial, untilAdmitted, untilExact, untilFull } from '../support/failover.js'
import { leakGate } from '../support/leak-gate.js'
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.js'
import { until } from '../support/until.js'

leakGate()

const BUCKETS = 16
/** What clients may be told while buckets start, move or are replaced: never that it is the org's fault, or theirs. */
const HONEST = [
  ...['admitted', 'ORG_CONNECTION_LIMIT_EXCEEDED', 'STARTING', 'STORE_UNAVAILABLE', 'RECOVERING'],
  'ADMISSION_UNDECIDED',
]

async function trialOn(cluster: RedisCluster): Promise<Trial> {
  const trial = await startTrial([cluster.url, cluster.url, cluster.url])
  await untilFull(trial)
  return trial
}

/** Once every bucket is served again: nobody was closed, no org ever held too much, and the sets are what clients hold. */
async function staysExact(cluster: RedisCluster, trial: Trial): Promise<void> {
  await until(() => trial.limiters.every(({ storeReachable }) => storeReachable), {
    withinMs: 30_000,
    what: 'every node is in every bucket again',
  })
  await untilAdmitted(trial, 200)
  await trial.load.freeze()
  await untilExact(trial, { slots: () => cluster.slots(trial.prefix) })
  expect(trial.load.kicked).toBe(0)
  expect(highestOf(trial)).toBe(LIMIT)
  expect([...trial.load.answers.keys()].filter((answer) => !HONEST.includes(answer))).toEqual([])
}

async function own(options: Parameters<typeof startRedisCluster>[0] = {}): Promise<RedisCluster> {
  const cluster = await startRedisCluster(options)
  onTestFinished(() => cluster.stop())
  return cluster
}

test('R1: buckets move between primaries under load: nobody is closed, no org exceeds its limit, the sets are exact', async () => {
  const cluster = await own()
  const trial = await trialOn(cluster)
  for (let bucket = 0; bucket < BUCKETS; bucket += 3) {
    const from = await cluster.primaryOf(bucket)
    const to = cluster.servers.find((server) => server !== from)!
    await cluster.moveBucket(bucket, to)
    expect(await cluster.primaryOf(bucket)).toBe(to)
  }
  await staysExact(cluster, trial)
}, 120_000)

test('R1: a primary is killed under load and its replica takes over: the orgs of the others do not notice, and all are exact again', async () => {
  const cluster = await own({ replicas: true })
  const trial = await trialOn(cluster)
  const former = await cluster.primaryOf(0)
  const away = new Set<number>()
  trial.limiters[0]!.on('store.left', ({ bucket }) => void away.add(bucket!))
  await former.kill()
  await until(async () => (await cluster.primaryOf(0)) !== former, { withinMs: 30_000, what: 'a replica takes over' })
  await staysExact(cluster, trial)
  expect(away.size, 'only the buckets of the one that died').toBeLessThan(BUCKETS)
}, 120_000)
