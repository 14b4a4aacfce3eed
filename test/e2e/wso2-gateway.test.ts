import { describe, expect, test } from 'vitest'
import { GoGateway, OPCODES } from '../support/go-gateway.js'
import { startHostileNode } from '../support/hostile-node.js'
import { leakGate } from '../support/leak-gate.js'
import { until } from '../support/until.js'

leakGate()

/** Long enough that this process, on a machine however busy, answers a ping in the quarter that is left for it. */
const TIMEOUT_MS = 6_000
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

const startNode = (env: Record<string, string> = {}) => startHostileNode({ pongTimeout: `${TIMEOUT_MS}ms`, env })

describe('a gateway of WSO2 works unchanged', () => {
  test.each(['Api-Key', 'api-key'] as const)('%s: the first frame is its connection.ack', async (keyHeader) => {
    const node = await startNode()
    const gateway = new GoGateway(node.server.port, { key: 'demo-key-acme', keyHeader })
    await until(() => gateway.frames.length > 0)
    expect(gateway.upgraded).toBe(true)
    const [first] = gateway.frames
    expect(first!.opcode).toBe(OPCODES.text)
    const ack = JSON.parse(first!.payload.toString())
    expect(ack).toEqual({
      type: 'connection.ack',
      gatewayId: 'acme-gateway',
      connectionId: expect.stringMatching(/^[0-9a-z]+-[0-9a-z]+$/),
      timestamp: expect.stringMatching(RFC_3339),
      // Its decoder passes over fields that it does not know.
      limit: expect.any(Number),
      remaining: ack.limit - 1,
      resumeToken: expect.any(String),
    })
    expect(Math.abs(Date.parse(ack.timestamp) - Date.now())).toBeLessThan(10_000)
    gateway.client.reset()
    await node.settled(0)
  })

  test('L3: pongs keep it open past the timeout; silence closes it within the timeout and frees its slot', async () => {
    const node = await startNode({ WS_MAX_CONNECTIONS_PER_ORG: '2' })
    const startMs = performance.now()
    const lively = new GoGateway(node.server.port, { key: 'demo-key-acme' })
    const silent = new GoGateway(node.server.port, { key: 'demo-key-acme', answersPings: false })
    await until(() => lively.frames.length > 0 && silent.frames.length > 0)
    await silent.client.closed
    const silentMs = performance.now() - startMs
    expect(silent.received(OPCODES.ping).length).toBe(1)
    expect(silentMs).toBeGreaterThan(TIMEOUT_MS * 0.6)
    // The timeout itself, and what a busy machine may be late.
    expect(silentMs).toBeLessThan(TIMEOUT_MS + 3_000)
    await node.settled(1)
    await until(() => lively.received(OPCODES.ping).length >= 3, { withinMs: 4 * TIMEOUT_MS })
    expect(performance.now() - startMs).toBeGreaterThan(1.9 * TIMEOUT_MS)
    expect(lively.client.ended).toBe(false)
    const next = new GoGateway(node.server.port, { key: 'demo-key-acme' })
    await until(() => next.frames.length > 0)
    for (const { client } of [lively, silent, next]) client.reset()
    await node.settled(0)
  })

  test('what passes by itself is never told with a status at which it gives up for good', async () => {
    const node = await startNode({ WS_MAX_CONNECTIONS_PER_ORG: '1', HEADCOUNT_STORE_TIMEOUT: '1s' })
    const holder = new GoGateway(node.server.port, { key: 'demo-key-acme' })
    await until(() => holder.frames.length > 0)
    const full = new GoGateway(node.server.port, { key: 'demo-key-acme' })
    await full.client.closed
    expect(full.client.status).toBe(429)
    expect(full.client.received).toMatch(/^Retry-After: [1-9]\d*\r$/m)
    expect(full.client.received).toContain('"code":"ORG_CONNECTION_LIMIT_EXCEEDED"')
    await node.holdDecisions()
    const storeAway = new GoGateway(node.server.port, { key: 'demo-key-globex' })
    await storeAway.client.closed
    expect(storeAway.client.status).toBe(503)
    expect(storeAway.client.received).toMatch(/^Retry-After: [1-9]\d*\r$/m)
    await node.resume()
    const unknown = new GoGateway(node.server.port, { key: 'nobody' })
    await unknown.client.closed
    expect(unknown.client.status).toBe(401)
    holder.client.reset()
    await node.settled(0)
  })
})
