import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import type { NodeEvents } from '../../src/core/events.js'
import { ownSockets } from '../../src/gate/ws-gate.js'
import { createLimiter } from '../../src/index.js'
import { cutNetwork } from '../support/cut-network.js'
import { type Fleet, MORTAL, MORTAL_MS, startFleet } from '../support/fleet.js'
import { identifyByKey } from '../support/gate-server.js'
import { type Accepted, connectGateway, GATEWAY_PATH, type GatewayOptions, type Refused } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js'
import { until } from '../support/until.js'
import { visitGateway } from '../support/visit-gateway.js'

leakGate()

/** A silent client is pinged after 8 s and let go after some 11; a probe is over within one. */
const PONG_TIMEOUT_S = 12

describe('L3: a client without a network holds the last slot of its org', () => {
  let fleet: Fleet
  let proxy: TcpProxy

  const start = async (env: Readonly<Record<string, string>>) => {
    const common = { ...MORTAL, WS_MAX_CONNECTIONS_PER_ORG: '1', WS_CONNECTION_TIMEOUT: `${PONG_TIMEOUT_S}s` }
    fleet = await startFleet({ count: 2, env: { ...common, ...env } })
    proxy = await startProxy(fleet.nodes[0]!.port)
  }
  const stop = async () => {
    await proxy?.stop()
    await fleet?.stop()
  }
  const connect = (url: string, options: GatewayOptions = {}) =>
    visitGateway(url, { key: fleet.keyOf('acme'), ...options })
  const cutOff = async (node: number) => {
    const { adminUrl, adminToken } = fleet.nodes[node]!
    const answer = await fetch(`${adminUrl}/metrics`, { headers: { authorization: `Bearer ${adminToken}` } })
    return Number((await answer.text()).match(/headcount_probes_total\{result="cut_off"\} (\d+)/)?.[1])
  }

  /** Its client is gone without a word: nothing arrives, not even its end. Resolves once the node has pinged it in vain. */
  async function silentGhost(): Promise<void> {
    const ghost = await connect(`ws://127.0.0.1:${proxy.port}${GATEWAY_PATH}`)
    expect(ghost.accepted).toBe(true)
    cutNetwork(proxy, ghost as Accepted)
    await until(() => proxy.heldReplyBytes > 0, { withinMs: 2 * PONG_TIMEOUT_S * 1_000 })
  }

  describe('and somebody needs it', () => {
    beforeAll(() => start({}))
    afterAll(stop)

    test('on the same node: its peer is asked, and the upgrade that waits has its slot', async () => {
      await silentGhost()
      expect(await connect(fleet.urls[0]!)).toMatchObject({ accepted: true })
      expect(await cutOff(0)).toBe(1)
      // Who is there stays there, although it is asked for by many.
      for (let n = 0; n < 20; n++) {
        expect(await connect(fleet.urls[n % 2]!)).toMatchObject({ accepted: false, status: 429 })
      }
    })
  })

  describe('and somebody needs it on another node', () => {
    beforeAll(() => start({}))
    afterAll(stop)

    test('it is refused, comes back when Retry-After says, and has the slot', async () => {
      await silentGhost()
      const refused = (await connect(fleet.urls[1]!)) as Refused
      expect(refused).toMatchObject({ accepted: false, status: 429 })
      const seconds = Number(refused.headers['retry-after'])
      expect(seconds).toBeLessThanOrEqual(Math.ceil(MORTAL_MS.renewInterval / 1_000 + 2))
      await pause(seconds * 1_000)
      expect(await connect(fleet.urls[1]!)).toMatchObject({ accepted: true })
      expect([await cutOff(0), await cutOff(1)]).toEqual([1, 0])
    })
  })

  describe('and probes are off (control)', () => {
    beforeAll(() => start({ HEADCOUNT_PROBE_TIMEOUT: '0s' }))
    afterAll(stop)

    test('on the same node: it is turned away', async () => {
      await silentGhost()
      expect(await connect(fleet.urls[0]!)).toMatchObject({ accepted: false, status: 429 })
      expect(await cutOff(0)).toBe(0)
    })
  })
})

describe('L3: a client that is slow and there, and a stranger that hammers', () => {
  const PONG_TIMEOUT_MS = 4_500

  async function hammered({ slowMs, probeTimeoutMs }: { slowMs: number; probeTimeoutMs: number }) {
    const limiter = createLimiter({ limits: { org: 1 }, probeTimeoutMs })
    await limiter.ready()
    const gate = limiter.gates.open({
      ...{ identify: identifyByKey, sockets: ownSockets(systemClock), pongTimeoutMs: PONG_TIMEOUT_MS },
    })
    const server = createServer().on('upgrade', gate.handleUpgrade)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(async () => {
      await limiter.drain({ withinMs: 1_000 })
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    })
    const probes: NodeEvents['peers.probed'][] = []
    limiter.on('peers.probed', (event) => probes.push(event))
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
    const slow = (await connectGateway(url, { key: 'acme', autoPong: false })) as Accepted
    expect(slow.accepted).toBe(true)
    slow.ws.on('ping', (data) => void pause(slowMs).then(() => slow.ws.readyState === 1 && slow.ws.pong(data)))
    await until(
      async () => {
        const stranger = await connectGateway(url, { key: 'acme' })
        if (stranger.accepted) await stranger.close()
        return probes.length > 0
      },
      { withinMs: 4 * PONG_TIMEOUT_MS },
    )
    const isOpen = slow.ws.readyState === slow.ws.OPEN
    return { probes, isOpen }
  }

  test('it answers in the time that it has, and stays', async () => {
    expect(await hammered({ slowMs: 300, probeTimeoutMs: 1_000 })).toEqual({
      ...{ probes: [{ scope: 'org', id: 'acme', asked: 1, freed: 0 }], isOpen: true },
    })
  })

  test('with less time than it needs it would not (control)', async () => {
    expect(await hammered({ slowMs: 1_000, probeTimeoutMs: 50 })).toEqual({
      ...{ probes: [{ scope: 'org', id: 'acme', asked: 1, freed: 1 }], isOpen: false },
    })
  })
})
