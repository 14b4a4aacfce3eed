import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Fleet, startFleet } from '../support/fleet.js'
import { connectGateway, type Refused } from '../support/gateways.js'
import { Herd } from '../support/herd.js'
import { leakGate } from '../support/leak-gate.js'
import { operate } from '../support/operator.js'
import { until } from '../support/until.js'
import { watch } from '../support/watch.js'

leakGate()

const LIMIT = 6

describe('an operator drains a node by another one (L4)', () => {
  let fleet: Fleet

  beforeAll(async () => {
    fleet = await startFleet({ env: { WS_MAX_CONNECTIONS_PER_ORG: String(LIMIT), HEADCOUNT_DRAIN_TIME: '10s' } })
  })
  afterAll(() => fleet?.stop())

  const [asked, drained] = [0, 1]

  const drain = (node: string) => {
    const { adminUrl, adminToken } = fleet.nodes[asked]!
    return operate(['drain', node], { HEADCOUNT_ADMIN_URL: adminUrl, ADMIN_TOKEN: adminToken })
  }

  async function post(node: string, token = fleet.nodes[asked]!.adminToken) {
    const headers = { authorization: `Bearer ${token}` }
    const path = `/admin/v1/nodes/${encodeURIComponent(node)}/drain`
    const response = await fetch(`${fleet.nodes[asked]!.adminUrl}${path}`, { method: 'POST', headers })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }

  test('it refuses, closes with 1012 and exits with 0; its clients are back elsewhere, never above the limit', async () => {
    const target = fleet.nodes[drained]!
    const open = new Set([0, 1, 2])
    const herd = new Herd({ urls: () => [...open].map((node) => fleet.urls[node]!), patienceMs: () => 200 })
    onTestFinished(() => herd.stop())
    for (let n = 0; n < LIMIT; n++) herd.join('acme', fleet.keyOf('acme'), fleet.urls[n % 3])
    await until(() => herd.connected === LIMIT)
    let most = 0
    const looking = watch(async () => {
      most = Math.max(most, await fleet.books.count('acme'))
    })
    const lease = await fleet.books.leaseOf('node-2')
    open.delete(drained)
    const told = await drain('node-2')
    expect(told).toMatchObject({ code: 0, lines: ['node-2: told to stop, with 2 open'], stderr: '' })
    expect(await target.exited).toMatchObject({ code: 0 })
    expect(target.output()).toContain('an operator has ordered this node to stop')
    await until(() => herd.connected === LIMIT && herd.returns.length === 2)
    expect(herd.returns.map(({ from }) => from)).toEqual([fleet.urls[drained], fleet.urls[drained]])
    expect(herd.clients.closedByServer.map(({ code }) => code)).toEqual([1012, 1012])
    await looking.stop()
    expect([most, herd.clients.highest('acme')]).toEqual([LIMIT, LIMIT])
    // Nothing is left of it: no lease, no order. Whoever says it again is told so.
    expect(await fleet.books.redis.zscore(fleet.books.keys.leases, String(lease))).toBeNull()
    expect((await fleet.books.names()).filter((name) => name.includes(':orders:'))).toEqual([])
    expect(await post(String(lease))).toMatchObject({ status: 404, body: { code: 'NODE_NOT_FOUND' } })
    await fleet.replace(drained)
  })

  test('until it is gone it is not ready and refuses with 503 DRAINING', async () => {
    const target = fleet.nodes[2]!
    const held = await connectGateway(target.url, { key: fleet.keyOf('globex'), autoPong: false })
    if (!held.accepted) throw new Error('refused')
    onTestFinished(() => held.terminate())
    // A client that answers nothing, so that closing takes its time and there is a while to look.
    held.ws.pause()
    const lease = await fleet.books.leaseOf('node-3')
    expect(await post(String(lease))).toEqual({
      ...{ status: 202, body: { name: 'node-3', lease, connections: 1, ordered: true } },
    })
    await until(async () => (await fetch(`${target.adminUrl}/readyz`)).status === 503)
    const refused = (await connectGateway(target.url, { key: fleet.keyOf('acme') })) as Refused
    expect(refused).toMatchObject({ accepted: false, status: 503, body: { code: 'DRAINING' } })
    const again = await post('node-3').catch(() => undefined)
    if (again?.status === 202) expect(again.body).toMatchObject({ lease, ordered: false })
    held.ws.resume()
    expect(await target.exited).toMatchObject({ code: 0 })
    await fleet.replace(2)
  })

  test('control: nobody is drained by a wrong name, a wrong token or an order to somebody else', async () => {
    expect(await post('node-9')).toMatchObject({ status: 404, body: { code: 'NODE_NOT_FOUND' } })
    expect(await post('node-2', 'wrong')).toMatchObject({ status: 401 })
    const nobody = await drain('nobody#1')
    expect(nobody).toMatchObject({ code: 1, stderr: expect.stringContaining('NODE_NOT_FOUND') })
    expect(nobody.stderr).toContain('`headcount nodes` lists those that are')
    for (const node of fleet.nodes) {
      expect((await fetch(`${node.adminUrl}/readyz`)).status).toBe(200)
      expect(node.running()).toBe(true)
    }
  })

  test('two nodes of one name: 409, and the leases to choose from', async () => {
    const leases = [await fleet.books.leaseOf('node-1'), await fleet.books.leaseOf('node-2')]
    const [one] = leases
    const info = await fleet.books.redis.hget(fleet.books.keys.nodes, String(one))
    await fleet.books.redis.hset(fleet.books.keys.nodes, String(leases[1]), info!)
    const answer = await post('node-1')
    expect(answer).toMatchObject({ status: 409, body: { code: 'AMBIGUOUS_NODE' } })
    for (const lease of leases) expect(answer.body.detail).toContain(String(lease))
  })
})
