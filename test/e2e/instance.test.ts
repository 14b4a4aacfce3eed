import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { Peer } from '../../src/core/peer.js'
import { attach } from '../support/attached.js'
import { cutNetwork } from '../support/cut-network.js'
import { type Fleet, startFleet } from '../support/fleet.js'
import { type Accepted, GATEWAY_PATH, type GatewayOptions, type Refused } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import { useLimiters } from '../support/limiters.js'
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js'
import { until } from '../support/until.js'
import { visitGateway } from '../support/visit-gateway.js'

leakGate()

/** The times that a node has by default; on a busy machine a late answer of Redis must not look like a Redis that is away. */
const DEFAULT_TIMES = {
  HEADCOUNT_LEASE_TTL: '15s',
  HEADCOUNT_RENEW_INTERVAL: '3s',
  HEADCOUNT_STORE_TIMEOUT: '1s',
} as const
/** Within which a client is back that names its instance, by the promise. */
const BACK_MS = 3_000
const START_MS = 60_000

describe('L3: a client that names its instance', () => {
  let fleet: Fleet
  let proxy: TcpProxy

  const start = async (env: Readonly<Record<string, string>> = {}) => {
    fleet = await startFleet({ count: 2, env: { ...DEFAULT_TIMES, WS_MAX_CONNECTIONS_PER_ORG: '2', ...env } })
    proxy = await startProxy(fleet.nodes[0]!.port)
  }
  const stop = async () => {
    await proxy?.stop()
    await fleet?.stop()
  }
  const connect = (url: string, options: GatewayOptions = {}) =>
    visitGateway(url, { key: fleet.keyOf('acme'), ...options })
  const count = async () => (await fleet.nodes[1]!.admin<{ currentCount: number }>('/admin/v1/orgs/acme')).currentCount
  const isOpen = ({ ws }: Accepted) => ws.readyState === ws.OPEN

  async function held(url: string, options?: GatewayOptions): Promise<Accepted> {
    const result = await connect(url, options)
    if (!result.accepted) throw new Error(`refused: ${JSON.stringify(result.body)}`)
    return result
  }

  /** Two hold all that the org may: one is there, and one whose network is gone: nothing arrives, not even its end. */
  async function ghostOnTheLastSlot(instanceId: string): Promise<Accepted> {
    await until(async () => (await count()) === 0)
    const living = await held(fleet.urls[1]!, { instanceId: 'living' })
    const ghost = await held(`ws://127.0.0.1:${proxy.port}${GATEWAY_PATH}`, { instanceId })
    cutNetwork(proxy, ghost)
    return living
  }

  describe('at the default times', () => {
    beforeAll(() => start(), START_MS)
    afterAll(stop)

    test.each([
      ['the same node', 0],
      ['another node', 1],
    ])('comes back to %s after its network was cut, and has its slot, although the org is full', async (_, node) => {
      const living = await ghostOnTheLastSlot('pod-1')
      const stranger = () => connect(fleet.urls[1 - node]!)
      expect(await stranger()).toMatchObject({ accepted: false, status: 429 })
      const startMs = performance.now()
      const [back, meanwhile] = await Promise.all([
        connect(fleet.urls[node]!, { instanceId: 'pod-1' }).then((result) => ({
          result,
          afterMs: performance.now() - startMs,
        })),
        pause(200).then(stranger),
      ])
      // Nobody knew yet that the slot was a ghost's: it was truly taken.
      expect(meanwhile).toMatchObject({ accepted: false, body: { code: 'ORG_CONNECTION_LIMIT_EXCEEDED' } })
      expect(back.result).toMatchObject({ accepted: true })
      expect(back.afterMs).toBeLessThan(BACK_MS)
      expect(await count()).toBe(2)
      expect(await stranger()).toMatchObject({ accepted: false, status: 429 })
      expect(isOpen(living)).toBe(true)
    })

    test('and leaves: the slot that was its ghost’s is free for strangers', async () => {
      await ghostOnTheLastSlot('pod-2')
      const back = await held(fleet.urls[1]!, { instanceId: 'pod-2' })
      await back.close()
      await until(async () => (await count()) === 1)
      expect(await connect(fleet.urls[0]!)).toMatchObject({ accepted: true })
    })

    test.each([
      ['the same node', 0],
      ['another node', 1],
    ])('and is a copy of one that is there on %s is refused, however often it tries', async (_, node) => {
      await until(async () => (await count()) === 0)
      const first = await held(fleet.urls[0]!, { instanceId: 'twin' })
      for (let n = 0; n < 2; n++) {
        const copy = (await connect(fleet.urls[node]!, { instanceId: 'twin' })) as Refused
        expect(copy).toMatchObject({
          ...{ accepted: false, status: 429 },
          body: { code: 'INSTANCE_CONNECTION_LIMIT_EXCEEDED', scope: 'instance', currentCount: 1, maxAllowed: 1 },
        })
        expect(Number(copy.headers['retry-after'])).toBeGreaterThanOrEqual(1)
      }
      expect(isOpen(first)).toBe(true)
      await first.close()
      expect(await connect(fleet.urls[node]!, { instanceId: 'twin' })).toMatchObject({ accepted: true })
    })

    test('S5: has nothing to do with one of the same name in another org, nor with those that name none', async () => {
      await until(async () => (await count()) === 0)
      await held(fleet.urls[0]!, { instanceId: 'pod' })
      expect(await connect(fleet.urls[0]!, { instanceId: 'pod', key: fleet.keyOf('globex') })).toMatchObject({
        accepted: true,
      })
      expect(await connect(fleet.urls[1]!)).toMatchObject({ accepted: true })
    })
  })

  describe('where that means nothing (control)', () => {
    beforeAll(() => start({ HEADCOUNT_INSTANCE_LIMIT: 'off', HEADCOUNT_RENEW_INTERVAL: '500ms' }), START_MS)
    afterAll(stop)

    test('is locked out by its ghost, and may hold several connections', async () => {
      const living = await ghostOnTheLastSlot('pod-1')
      for (const url of fleet.urls) {
        expect(await connect(url, { instanceId: 'pod-1' })).toMatchObject({
          ...{ accepted: false, body: { code: 'ORG_CONNECTION_LIMIT_EXCEEDED' } },
        })
      }
      expect(await connect(fleet.urls[0]!, { instanceId: 'living', key: fleet.keyOf('globex') })).toMatchObject({
        accepted: true,
      })
      expect(await connect(fleet.urls[1]!, { instanceId: 'living', key: fleet.keyOf('globex') })).toMatchObject({
        accepted: true,
      })
      expect(isOpen(living)).toBe(true)
    })
  })
})

describe('L3: an instance in the library', () => {
  const limiters = useLimiters()
  const POD = { org: 'acme', gateway: 'eu', instance: 'pod' }
  const there = (): Peer => ({ isSilent: false, probe: async () => true })
  const times = { renewIntervalMs: 500, storeTimeoutMs: 1_000, probeTimeoutMs: 200 }

  test.each([
    ['on the same node', 0],
    ['on another node', 1],
  ])('that gives back its slot and asks again at once is never told of itself, %s', async (_, node) => {
    const nodes = await limiters.start(2, times)
    for (let n = 0; n < 20; n++) {
      const first = await nodes[0]!.admit(POD)
      if (!first.admitted) throw new Error(`refused: ${first.code}`)
      first.watch(there())
      const next = nodes[node]!.admit(POD)
      first.release()
      const second = await next
      expect(second).toMatchObject({ admitted: true })
      if (second.admitted) second.release()
    }
  })

  test('is told of its other connection without a wait where that is here and answers, or cannot be asked', async () => {
    const [node] = await limiters.start(1, times)
    const first = await node!.admit(POD)
    for (let n = 0; n < 2; n++) {
      expect(await node!.admit(POD)).toMatchObject({
        ...{ admitted: false, code: 'INSTANCE_CONNECTION_LIMIT_EXCEEDED', scope: 'instance', maxAllowed: 1 },
      })
      if (first.admitted) first.watch(there())
    }
    expect(await node!.admit({ ...POD, gateway: 'us' })).toMatchObject({ admitted: true })
  })

  test('S5: that waits for its old connection takes nobody the room that the node has', async () => {
    const attached = await attach({ limits: { org: 2 } }, { maxConnections: 2 })
    const come = (org: string, autoPong = true) =>
      new WebSocket(`ws://127.0.0.1:${attached.port}`, { headers: { 'api-key': org, 'instance-id': 'pod' }, autoPong })
    const ghost = come('acme', false)
    await once(ghost, 'open')
    const back = come('acme')
    const opened = once(back, 'open')
    await until(() => attached.limiter.gates.count('waiting') === 1)
    // The ghost and this one are all that the node may hold.
    const newcomer = come('globex')
    await once(newcomer, 'open')
    await opened
    expect(attached.limiter.connections).toBe(2)
    for (const ws of [back, newcomer]) ws.close()
  })

  test.each([
    ['it is off', { limits: { instance: false } }],
    ['nobody is asked', { probeTimeoutMs: 0 }],
  ])('is not limited where %s', async (_, options) => {
    const [node] = await limiters.start(1, { ...times, ...options })
    for (let n = 0; n < 2; n++) expect(await node!.admit(POD)).toMatchObject({ admitted: true })
  })
})
