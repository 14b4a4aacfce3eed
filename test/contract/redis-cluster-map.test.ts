import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { RedisClusterMap } from '../../src/store/redis/cluster-map.js'
import { leakGate } from '../support/leak-gate.js'
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.js'
import { startProxy } from '../support/tcp-proxy.js'

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

function finderOver(servers: readonly { host: string; port: number }[]) {
  const asked = servers.map(({ host, port }) => ({ host, port }))
  return new RedisClusterMap({ servers: asked, clock: systemClock, client: () => ({}) }).finderOf(0)
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
