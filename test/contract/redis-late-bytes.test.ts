import { expect, onTestFinished, test } from 'vitest'
import { leaseTiming } from '../../src/core/lease-timing.js'
import { leakGate } from '../support/leak-gate.js'
import { sharedRedisUrl } from '../support/redis.js'
import { redisBench } from '../support/store-bench.js'
import { claim, StoreNode } from '../support/store-node.js'
import { startProxy } from '../support/tcp-proxy.js'
import { until } from '../support/until.js'

leakGate()

const TIMING = leaseTiming({ ttlMs: 15_000, renewIntervalMs: 3_000, callTimeoutMs: 1_000 })
const asked = claim('a', 'acme', 1)

/** An acquire leaves the node, and the network keeps it until the node has given its connection up. */
async function acquireOnItsWay() {
  const url = new URL(sharedRedisUrl())
  const proxy = await startProxy(Number(url.port || 6379), url.hostname)
  onTestFinished(() => proxy.stop())
  const far = await redisBench({ url: proxy.url, timing: TIMING, realTime: true })
  onTestFinished(() => far.close())
  const node = await StoreNode.join(far)
  const links = proxy.connections
  proxy.hold()
  expect(await node.connection.acquire(node.fence, [asked])).toMatchObject({ status: 'unanswered' })
  await node.connection.closed
  // The reset travels too: before it is there the proxy would take the bytes for those of a client that still waits.
  await until(() => proxy.connections === links - 1, { what: 'the proxy has seen the reset' })
  proxy.release()
  return { proxy, node, slots: async () => (await far.contents()).scopes.get('org:acme')?.size ?? 0 }
}

test('what a dropped connection had sent, delivered after the next hello, takes no slot (S3, S4)', async () => {
  const { proxy, node, slots } = await acquireOnItsWay()
  expect(await node.hello()).toMatchObject({ status: 'ok' })
  await node.release(asked)
  expect(await proxy.deliverHeld()).toBeGreaterThan(0)
  expect(await slots()).toBe(0)
})

test('control: delivered without a hello before it, it would have taken one', async () => {
  const { proxy, slots } = await acquireOnItsWay()
  expect(await proxy.deliverHeld()).toBeGreaterThan(0)
  expect(await slots()).toBe(1)
})

test('delivered before the hello, it is settled by the release (S4)', async () => {
  const { proxy, node, slots } = await acquireOnItsWay()
  await proxy.deliverHeld()
  await node.hello()
  await node.release(asked)
  expect(await slots()).toBe(0)
})
