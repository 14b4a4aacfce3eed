import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { RedisClusterMap } from '../../src/store/redis/cluster-map.js'
import { slotOfTag } from '../../src/store/redis/slot.js'
import { leakGate } from '../support/leak-gate.js'
import { type ClusterServer, configEpochIn, type RedisCluster, startRedisCluster } from '../support/redis-cluster.js'
import { startProxy } from '../support/tcp-proxy.js'
import { until } from '../support/until.js'

let cluster: RedisCluster

beforeAll(async () => {
  cluster = await startRedisCluster()
}, 60_000)
afterAll(() => cluster.stop())

leakGate()

const [SHORT_MS, LONG_MS] = [1_000, 5_000]
const never = new AbortController().signal

/** A server of the cluster whose answers are held back. */
async function silentServer() {
  const { host, port } = cluster.servers[1]!
  const proxy = await startProxy(port, host)
  onTestFinished(() => proxy.stop())
  proxy.holdReplies()
  return { at: { host: '127.0.0.1', port: proxy.port }, answer: () => proxy.releaseReplies() }
}

function finderOver(servers: readonly { host: string; port: number }[], slot = 0) {
  const asked = servers.map(({ host, port }) => ({ host, port }))
  return new RedisClusterMap({ servers: asked, clock: systemClock, client: () => ({}) }).finderOf(slot)
}

const BUCKET = 0
const SLOT = slotOfTag(String(BUCKET))

/**
 * A cluster in which the bucket went from one server to another, and the third takes the first for the one that
 * serves it, as of a later config epoch: the others have forgotten it, so that its word changes nothing.
 */
async function holdingOn() {
  const own = await startRedisCluster()
  onTestFinished(() => own.stop())
  const from = await own.primaryOf(BUCKET)
  const [to, third] = own.servers.filter((server) => server !== from) as [ClusterServer, ClusterServer]
  await own.moveBucket(BUCKET, to)
  for (const { admin } of [from, to]) await admin.call('CLUSTER', 'FORGET', third.id)
  await from.admin.call('CLUSTER', 'BUMPEPOCH')
  const isTold = async () => (await configEpochIn(third, from)) === (await configEpochIn(from, from))
  await until(isTold, { what: 'the third knows the new epoch' })
  await third.admin.call('CLUSTER', 'SETSLOT', SLOT, 'NODE', from.id)
  return { from, to, third }
}

async function timed<T>(asked: Promise<T>): Promise<{ told: T; afterMs: number }> {
  const began = performance.now()
  return { told: await asked, afterMs: performance.now() - began }
}

describe('who asks a cluster while another asks', () => {
  test('has what came within its own time, though the other waits for a silent server much longer (R2)', async () => {
    const finder = finderOver([cluster.servers[0]!, (await silentServer()).at])
    const longer = timed(finder.find(LONG_MS, never))
    const { told, afterMs } = await timed(finder.find(SHORT_MS, never))
    expect(told).toMatchObject({ port: cluster.servers[0]!.port })
    expect(afterMs).toBeLessThan(LONG_MS / 2)
    expect((await longer).afterMs).toBeGreaterThan(LONG_MS * 0.9)
  })

  test('waits for its own time, though the other gives up sooner', async () => {
    const silent = await silentServer()
    const finder = finderOver([silent.at])
    const shorter = finder.find(SHORT_MS, never)
    const longer = timed(finder.find(LONG_MS, never))
    await expect(shorter).rejects.toThrow(
      `nobody names who serves slot 0: 127.0.0.1:${silent.at.port}: no answer in time`,
    )
    silent.answer()
    expect((await longer).told).toMatchObject({ port: cluster.servers[0]!.port })
    expect((await longer).afterMs).toBeLessThan(LONG_MS)
  })

  test('is told at once when it is given up itself, and the other goes on', async () => {
    const silent = await silentServer()
    const finder = finderOver([silent.at])
    const over = new AbortController()
    const other = finder.find(LONG_MS, never)
    const givenUp = timed(finder.find(LONG_MS, over.signal).catch(() => 'none'))
    over.abort()
    expect((await givenUp).afterMs).toBeLessThan(LONG_MS / 2)
    silent.answer()
    expect(await other).toMatchObject({ port: cluster.servers[0]!.port })
  })
})

describe('who is named and says itself that it does not serve the slot', () => {
  test('is not believed in, however new the word of another is', async () => {
    const { from, to, third } = await holdingOn()
    expect(await finderOver([third], SLOT).find(LONG_MS, never), 'control').toMatchObject({ port: from.port })
    for (const asked of [
      [from, to, third],
      [third, from, to],
      [third, from],
    ]) {
      expect(await finderOver(asked, SLOT).find(LONG_MS, never)).toMatchObject({ port: to.port })
    }
  })

  test('is named in the error where nobody else is', async () => {
    const { from, to, third } = await holdingOn()
    await to.admin.call('CLUSTER', 'SETSLOT', SLOT, 'NODE', from.id)
    await expect(finderOver([from, to, third], SLOT).find(LONG_MS, never)).rejects.toThrow(
      new RegExp(`^nobody serves slot ${SLOT}: 127\\.0\\.0\\.1:(${from.port}|${to.port}) is named and denies it$`),
    )
  })

  test('is believed in where it serves the slot and knows no name of its own', async () => {
    const own = await startRedisCluster()
    onTestFinished(() => own.stop())
    const [first, other] = own.servers as [ClusterServer, ClusterServer]
    await first.admin.config('SET', 'cluster-preferred-endpoint-type', 'hostname')
    const [[, , [host]]] = (await first.admin.call('CLUSTER', 'SLOTS')) as [[number, number, [string]]]
    expect(host, 'control').toBe('?')
    expect(await finderOver([first, other]).find(LONG_MS, never)).toMatchObject({ port: first.port })
    await expect(finderOver([first]).find(LONG_MS, never)).rejects.toThrow('nobody serves slot 0')
  })
})
