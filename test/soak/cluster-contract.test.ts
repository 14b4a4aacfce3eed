import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { contractSuite } from '../contract/suite.js'
import { checkSequences } from '../property/run.js'
import { type ClusterServer, type RedisCluster, startRedisCluster } from '../support/redis-cluster.js'
import { redisBench } from '../support/store-bench.js'
import { done } from '../support/store-node.js'

let cluster: RedisCluster
let primary: ClusterServer
const over = new AbortController()
let moving: Promise<void>

/** The tests speak to the first bucket; the others move all the while, so that who serves what changes without end. */
async function moveOthers(): Promise<void> {
  for (let bucket = 1; !over.signal.aborted; bucket = (bucket % 15) + 1) {
    const from = await cluster.primaryOf(bucket)
    await cluster.moveBucket(bucket, cluster.servers[(cluster.servers.indexOf(from) + 1) % cluster.servers.length]!)
    await wait(200)
  }
}

beforeAll(async () => {
  cluster = await startRedisCluster()
  primary = await cluster.primaryOf(0)
  moving = moveOthers()
}, 60_000)

afterAll(async () => {
  over.abort()
  await moving
  await cluster.stop()
})

const storeUrl = async () => `${cluster.url}?buckets=1`

contractSuite('RedisStore in a Redis Cluster', (options) => redisBench({ ...options, url: primary.url, storeUrl }))

describe('any sequence of calls', () => {
  test('to a Redis Cluster keeps S1 to S6, and it and the twin agree', async () => {
    const bench = await redisBench({ url: primary.url, storeUrl, recovery: true })
    const connection = done(await bench.store.connect())
    await checkSequences(bench, connection, { twin: true, ledger: true }, { numRuns: 400 })
    await bench.close()
  })
})
