import { describe, expect, onTestFinished, test } from 'vitest'
import { LIVELY } from '../support/fleet.js'
import { connectGateway } from '../support/gateways.js'
import { admissionMs, type HostileNode, hello, startHostileNode } from '../support/hostile-node.js'
import { leakGate } from '../support/leak-gate.js'
import { startServer } from '../support/processes.js'
import { frame, RawClient } from '../support/raw-client.js'
import { startRedis } from '../support/redis.js'
import { until } from '../support/until.js'

leakGate()

/** The close code that a client was sent, if its last frame was a close frame. */
function closeCode({ received }: RawClient): number | undefined {
  const at = received.lastIndexOf('\x88')
  return at < 0 ? undefined : received.charCodeAt(at + 2) * 256 + received.charCodeAt(at + 3)
}

async function open(node: HostileNode): Promise<RawClient> {
  const client = new RawClient(node.server.port).send(hello())
  await until(() => client.received.includes('connection.ack'), { what: 'a client is admitted' })
  return client
}

/** What a process moves by on its own, while bytes a thousand times as many go through it. */
const MAY_GROW_BYTES = 10_000_000
/** A busy machine may be late, and is not stalled. */
const LATE_MS = 2_500

describe('L6: what is too large is not kept', () => {
  test('headers of 20 KB are answered 431, frames and messages are closed with 1009, crumbs with 1008', async () => {
    const node = await startHostileNode()
    const clients = Array.from({ length: 20 }, () =>
      new RawClient(node.server.port).send(hello({ 'X-Large': 'x'.repeat(20_000) })),
    )
    await until(() => clients.every(({ status }) => status === 431), { what: 'all are answered' })
    const frames = (count: number, bytes: number) =>
      Buffer.concat(Array.from({ length: count }, (_, i) => frame(i === 0 ? 0x02 : 0x00, Buffer.alloc(bytes))))
    for (const [code, sent] of [
      // One frame that claims to be a terabyte long; 80 KB in frames of 1 KB; 5,000 fragments without a byte.
      [1009, Buffer.from([0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
      [1009, frames(80, 1_000)],
      [1008, frames(5_000, 0)],
    ] as const) {
      const client = (await open(node)).send(sent)
      await until(() => closeCode(client) !== undefined, { what: 'the node says why' })
      expect(closeCode(client)).toBe(code)
      clients.push(client)
    }
    await node.settled(0)
    for (const client of clients) client.reset()
    await node.healthy()
  })

  test('a message sent byte by byte: each byte would be kept in a buffer of its own, and a thousand are enough', async () => {
    const node = await startHostileNode()
    const client = await open(node)
    client.socket.setNoDelay(true)
    client.send(frame(0x82, Buffer.alloc(60_000)).subarray(0, 8))
    let sent = 0
    await until(
      async () => {
        for (let i = 0; i < 100 && !client.ended; i++, sent++) {
          client.send('x')
          // So that each byte is a packet.
          await new Promise(setImmediate)
        }
        return closeCode(client) !== undefined
      },
      { withinMs: 20_000, what: 'the node has had enough' },
    )
    expect(closeCode(client)).toBe(1008)
    expect(sent).toBeLessThan(60_000)
    await node.settled(0)
    client.reset()
  })
})

describe('L6: floods', () => {
  test('of pings by clients that read nothing: answers do not pile up, and others are admitted', async () => {
    const node = await startHostileNode({ pongTimeout: '30s' })
    await admissionMs(node)
    const before = await node.vitals.collected()
    const flooders = await Promise.all(Array.from({ length: 10 }, () => open(node)))
    const pings = Buffer.concat(Array.from({ length: 500 }, () => frame(0x89, Buffer.alloc(125))))
    let [bytes, lastMs] = [0, performance.now()]
    for (const { socket } of flooders) {
      socket.pause()
      const flood = () => {
        bytes += pings.length
        lastMs = performance.now()
        if (!socket.destroyed && socket.write(pings)) setImmediate(flood)
      }
      socket.on('drain', flood)
      flood()
    }
    // Either the node reads on, or it reads nothing more from whom it cannot answer; then only the kernel's buffers fill.
    await until(() => bytes > 20_000_000 || performance.now() - lastMs > 1_000, { withinMs: 20_000 })
    const tookMs = await admissionMs(node)
    const during = await node.vitals.collected()
    for (const client of flooders) client.reset()
    expect(tookMs).toBeLessThan(LATE_MS)
    expect(during.heapBytes + during.externalBytes - before.heapBytes - before.externalBytes).toBeLessThan(
      MAY_GROW_BYTES,
    )
    await node.settled(0)
    await node.healthy()
  })

  test('of attempts by clients that come back at once when refused', async () => {
    const node = await startHostileNode({ pongTimeout: '30s', env: { WS_MAX_CONNECTIONS_PER_ORG: '1' } })
    const holder = await open(node)
    let [refused, going] = [0, true]
    const loop = async () => {
      while (going) {
        const client = new RawClient(node.server.port).send(hello())
        await until(() => client.status > 0 || client.ended, { withinMs: 10_000 })
        if (client.status === 429) refused++
        client.reset()
        await client.closed
      }
    }
    const loops = Array.from({ length: 50 }, loop)
    await until(() => refused > 300, { withinMs: 20_000 })
    const before = await node.vitals.collected()
    await until(() => refused > 1_200, { withinMs: 20_000, what: 'some hundred refusals more' })
    const tookMs = await admissionMs(node)
    const after = await node.vitals.collected()
    going = false
    await Promise.all(loops)
    expect(tookMs).toBeLessThan(LATE_MS)
    expect(after.heapBytes - before.heapBytes).toBeLessThan(MAY_GROW_BYTES)
    await node.settled(1)
    holder.reset()
    await node.settled(0)
  })

  test('of questions to the admin API while Redis is frozen: 64 wait, the rest are told at once', async () => {
    const redis = await startRedis()
    onTestFinished(() => redis.stop())
    const node = await startServer({ env: { ...LIVELY, REDIS_URL: redis.url } })
    onTestFinished(() => node.stop())
    const headers = { authorization: `Bearer ${node.adminToken}`, connection: 'close' }
    const ask = async () => {
      const response = await fetch(`${node.adminUrl}/admin/v1/orgs`, { headers, signal: AbortSignal.timeout(20_000) })
      return { status: response.status, text: await response.text() }
    }
    expect((await ask()).status).toBe(200)
    await redis.pause()
    const answers = await Promise.all(Array.from({ length: 300 }, ask))
    await redis.resume()
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]))
    const asked = answers.filter(({ text }) => !text.includes('are waiting'))
    // Those who came when the first had been told after 2 s are asked for again.
    expect(asked.length).toBeGreaterThanOrEqual(64)
    expect(asked.length).toBeLessThan(answers.length)
    await until(async () => (await ask()).status === 200)
    // Nobody who wants a slot has anything to do with it.
    await until(async () => {
      const good = await connectGateway(node.url, { key: 'demo-key-acme' })
      return good.accepted && (await good.close())
    })
  })
})
