import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { cutNetwork } from '../support/cut-network.js'
import { type Fleet, MORTAL, startFleet } from '../support/fleet.js'
import { type Accepted, GATEWAY_PATH, type GatewayOptions } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import { startCli } from '../support/processes.js'
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js'
import { until } from '../support/until.js'
import { visitGateway } from '../support/visit-gateway.js'

leakGate()

const tokenOf = (held: Accepted) => (held.ack as unknown as { resumeToken: string }).resumeToken

const countOn = async ({ nodes }: Fleet) =>
  (await nodes[1]!.admin<{ currentCount: number }>('/admin/v1/orgs/acme')).currentCount

/** What a client may wait for with a token, by the promise; a machine that tests keep busy may take as long again. */
const PROMPT_MS = 2 * 2_000

describe('L2, L3: a client that lost its network comes back with its resume token', () => {
  let fleet: Fleet
  let proxy: TcpProxy

  beforeAll(async () => {
    fleet = await startFleet({ count: 2, env: { ...MORTAL, WS_MAX_CONNECTIONS_PER_ORG: '1' } })
    proxy = await startProxy(fleet.nodes[0]!.port)
  })
  afterAll(async () => {
    await proxy?.stop()
    await fleet?.stop()
  })

  const connect = (url: string, options: GatewayOptions = {}) =>
    visitGateway(url, { key: fleet.keyOf('acme'), ...options })
  const withToken = (token: string) => ({ headers: { 'resume-token': token } })
  const count = () => countOn(fleet)

  async function held(url: string): Promise<Accepted> {
    await until(async () => (await count()) === 0)
    const result = await connect(url)
    if (!result.accepted) throw new Error(`refused: ${JSON.stringify(result.body)}`)
    return result
  }

  /** The client of `ghost` has no network: nothing arrives, not even its end. */
  async function blackHole(): Promise<Accepted> {
    const ghost = await held(`ws://127.0.0.1:${proxy.port}${GATEWAY_PATH}`)
    cutNetwork(proxy, ghost)
    return ghost
  }

  test.each([
    ['on another node', 1],
    ['on the same node', 0],
  ])('%s, although the org is full, and a stranger is refused meanwhile', async (_, node) => {
    const ghost = await blackHole()
    expect(await connect(fleet.urls[1 - node]!)).toMatchObject({ accepted: false, status: 429 })
    const startMs = performance.now()
    const back = await connect(fleet.urls[node]!, withToken(tokenOf(ghost)))
    expect(performance.now() - startMs).toBeLessThan(PROMPT_MS)
    expect(back.accepted).toBe(true)
    expect(await count()).toBe(1)
    await until(async () => !(await fleet.books.names()).some((name) => name.includes(':orders:')))
    expect(await count()).toBe(1)
    expect(await connect(fleet.urls[1 - node]!)).toMatchObject({ accepted: false, status: 429 })
  })

  test('one that is still there is closed with 4410, once the newer has its slot', async () => {
    const first = await held(fleet.urls[0]!)
    const second = await connect(fleet.urls[1]!, withToken(tokenOf(first)))
    expect(second.accepted).toBe(true)
    expect(await first.closed).toEqual({ code: 4410, reason: 'a newer connection of this client has its slot' })
    expect(await count()).toBe(1)
    const third = await connect(fleet.urls[1]!, withToken(tokenOf(second as Accepted)))
    expect(third.accepted).toBe(true)
    expect((await (second as Accepted).closed).code).toBe(4410)
    expect(await connect(fleet.urls[0]!, withToken(tokenOf(first)))).toMatchObject({ accepted: false, status: 429 })
  })

  test.each([
    ['none', () => ''],
    ['a forged one', (token: string) => token.replace(/.$/, '') + (token.endsWith('A') ? 'Q' : 'A')],
    ['nonsense', () => 'x'.repeat(4_000)],
  ])('a token that is %s is like none: full is full, and where there is room it is let in', async (_, forge) => {
    const first = await held(fleet.urls[0]!)
    const forged = withToken(forge(tokenOf(first)))
    expect(await connect(fleet.urls[1]!, forged)).toMatchObject({
      ...{ accepted: false, status: 429, body: { code: 'ORG_CONNECTION_LIMIT_EXCEEDED' } },
    })
    const other = await connect(fleet.urls[1]!, { ...withToken(tokenOf(first)), key: fleet.keyOf('globex') })
    expect(other.accepted).toBe(true)
    expect(first.ws.readyState).toBe(first.ws.OPEN)
    await first.close()
    await until(async () => (await count()) === 0)
    expect(await connect(fleet.urls[1]!, forged)).toMatchObject({ accepted: true })
  })

  test('headcount connect --reconnect does so by itself, from a connection whose end the node has not heard of', async () => {
    await until(async () => (await count()) === 0)
    const url = `ws://127.0.0.1:${proxy.port}`
    const cli = await startCli(['connect', '--url', url, '--key', fleet.keyOf('acme'), '--reconnect', '--json'])
    onTestFinished(() => cli.kill())
    onTestFinished(() => proxy.cutAll())
    const told = () =>
      cli
        .stdout()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    const accepted = () => told().filter(({ event }) => event === 'accepted')
    await until(() => accepted().length === 1, { withinMs: 15_000 })
    proxy.dropClientSideAndKeepBytes()
    expect(await connect(fleet.urls[1]!), 'the org is full').toMatchObject({ accepted: false, status: 429 })
    await until(() => accepted().length === 2, { withinMs: 15_000 })
    expect(told().map(({ event }) => event)).not.toContain('refused')
    expect(await count()).toBe(1)
    const [{ connectionId }] = accepted() as [Record<string, unknown>]
    const closings = async () => {
      const path = `/admin/v1/refusals?requestId=${connectionId}`
      return (await fleet.nodes[0]!.admin<{ refusals: { code: string }[] }>(path)).refusals.map(({ code }) => code)
    }
    await until(async () => (await closings()).includes('TAKEN_OVER'), { what: 'the old one was taken over, not gone' })
  })

  test('after kill -9 of its node at once, before the lease has run out', async () => {
    const ghost = await held(fleet.urls[0]!)
    fleet.nodes[0]!.kill('SIGKILL')
    const startMs = performance.now()
    const back = await connect(fleet.urls[1]!, withToken(tokenOf(ghost)))
    expect(performance.now() - startMs).toBeLessThan(PROMPT_MS)
    expect(back.accepted).toBe(true)
    await fleet.replace(0)
    expect(await count()).toBe(1)
  })
})

/** Such a client is pinged after 8 s of silence, and let go after 12; one that came back and was not heard, after 3. */
const PONG_TIMEOUT_S = 12

describe('L3: a client that came back and lost the answer, with the next token', () => {
  let fleet: Fleet
  let proxy: TcpProxy

  beforeAll(async () => {
    const env = { WS_MAX_CONNECTIONS_PER_ORG: '1', WS_CONNECTION_TIMEOUT: `${PONG_TIMEOUT_S}s` }
    fleet = await startFleet({ count: 2, env: { ...MORTAL, ...env } })
    proxy = await startProxy(fleet.nodes[0]!.port)
  })
  // Whoever held the one slot in the test before may still be leaving.
  beforeEach(() => until(async () => (await countOn(fleet)) === 0))
  afterAll(async () => {
    await proxy?.stop()
    await fleet?.stop()
  })

  const connect = (url: string, token?: string) =>
    visitGateway(url, { key: fleet.keyOf('acme'), ...(token && { headers: { 'resume-token': token } }) })

  test.each([
    ['the same node', 0],
    ['another node', 1],
  ])('has its slot from %s within a quarter of the pong timeout, and a stranger none before', async (_, node) => {
    const first = await connect(fleet.urls[1]!)
    if (!first.accepted) throw new Error(`refused: ${JSON.stringify(first.body)}`)
    const token = tokenOf(first)
    proxy.holdReplies()
    const ws = new WebSocket(`ws://127.0.0.1:${proxy.port}${GATEWAY_PATH}`, {
      headers: { 'api-key': fleet.keyOf('acme'), 'resume-token': token },
    })
    ws.on('error', () => {})
    await until(() => proxy.heldReplyBytes > 0)
    const lostMs = performance.now()
    cutNetwork(proxy, ws)
    expect((await first.closed).code).toBe(4410)
    expect(await connect(fleet.urls[1 - node]!)).toMatchObject({ accepted: false, status: 429 })
    let back = await connect(fleet.urls[node]!, token)
    expect(back).toMatchObject({ accepted: false, status: 429 })
    await until(async () => {
      back = await connect(fleet.urls[node]!, token)
      return back.accepted
    })
    const afterMs = performance.now() - lostMs
    expect(afterMs).toBeGreaterThan((1_000 * PONG_TIMEOUT_S) / 6)
    expect(afterMs).toBeLessThan((1_000 * PONG_TIMEOUT_S) / 4 + 2_000)
  })

  test('one that did hear is pinged once, with the answer, and stays; one that shows no token is not', async () => {
    const opened = async (url: string, token?: string) => {
      const headers = { 'api-key': fleet.keyOf('acme'), ...(token && { 'resume-token': token }) }
      const ws = new WebSocket(`${url}${GATEWAY_PATH}`, { headers })
      const heard = { ws, pings: 0, token: '' }
      ws.on('ping', () => heard.pings++)
      onTestFinished(() => ws.terminate())
      const [ack] = (await once(ws, 'message')) as [Buffer]
      return Object.assign(heard, { token: (JSON.parse(ack.toString()) as { resumeToken: string }).resumeToken })
    }
    const plain = await opened(fleet.urls[0]!)
    await pause(500)
    const back = await opened(fleet.urls[1]!, plain.token)
    await pause((1_000 * PONG_TIMEOUT_S) / 3)
    expect([plain.pings, back.pings, back.ws.readyState]).toEqual([0, 1, WebSocket.OPEN])
  })
})
