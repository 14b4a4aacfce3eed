import { expect, test } from 'vitest'
import { admissionMs, hello, startHostileNode } from '../support/hostile-node.js'
import { leakGate } from '../support/leak-gate.js'
import { frame, RawClient } from '../support/raw-client.js'
import { until } from '../support/until.js'

leakGate()

/** As many as a handful of orgs may have. */
const FLOODERS = 20
/** A busy machine may be late, and is not stalled: without turns one answer took five seconds. */
const LATE_MS = 2_500
const NOTHING = Buffer.alloc(0)

/** Sends as fast as it is taken; `taken` says how many bytes that were. */
function flood({ socket }: RawClient, bytes: Buffer, taken: (count: number) => void): void {
  const go = () => {
    while (!socket.destroyed && socket.write(bytes)) taken(bytes.length)
  }
  socket.on('drain', () => {
    taken(bytes.length)
    go()
  })
  go()
}

test('L6: empty frames of twenty peers that send as fast as they can hold up nobody', async () => {
  const node = await startHostileNode({ pongTimeout: '30s' })
  const clients = Array.from({ length: FLOODERS }, () => new RawClient(node.server.port).send(hello()))
  await until(() => clients.every(({ received }) => received.includes('connection.ack')), { what: 'all are admitted' })
  const [texts, pongs] = [0x81, 0x8a].map((first) => Buffer.concat(Array(40_000).fill(frame(first, NOTHING))))
  let bytes = 0
  for (const [i, client] of clients.entries()) flood(client, i % 2 ? texts! : pongs!, (count) => (bytes += count))
  // More than the buffers of the kernel hold: the node has begun to read, and goes on.
  await until(() => bytes > 20 * texts!.length, { withinMs: 30_000, what: 'the flood is under way' })
  const before = bytes
  const tookMs = await admissionMs(node)
  await until(() => bytes > before, { withinMs: 10_000, what: 'the node still reads' })
  expect(tookMs).toBeLessThan(LATE_MS)
  expect(clients.filter(({ ended }) => ended)).toEqual([])
  for (const client of clients) client.reset()
  await node.settled(0, 30_000)
  await node.healthy()
})
