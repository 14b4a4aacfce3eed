import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Fleet, MORTAL, MORTAL_MS, startFleet } from '../support/fleet.js'
import { type Accepted, connectGateway } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import { OpenConnections, untilBooksAgree } from '../support/open-connections.js'
import { until } from '../support/until.js'

leakGate()

/** Well before D, and well after the lease has been declared dead. */
const [SHORT_BLOCK_MS, LONG_BLOCK_MS] = [500, 3 * MORTAL_MS.ttl]

let fleet: Fleet
const clients = new OpenConnections()

beforeAll(async () => {
  const probe = new URL('../support/block-probe.mjs', import.meta.url)
  const env = { NODE_OPTIONS: `--import=${probe.href}`, TEST_BLOCKS_MS: `${SHORT_BLOCK_MS},${LONG_BLOCK_MS}` }
  fleet = await startFleet({ count: 2, orgs: ['taken', 'kept', 'late'], env: { ...MORTAL, ...env } })
})
afterAll(() => fleet?.stop())

function knock(node: number, org: string) {
  return connectGateway(fleet.urls[node]!, { key: fleet.keyOf(org), withinMs: 20_000 })
}

async function open(node: number, org: string, count: number): Promise<Accepted[]> {
  const opened: Accepted[] = []
  for (let i = 0; i < count; i++) {
    const result = await knock(node, org)
    if (!result.accepted) throw new Error(`${org} was refused: ${JSON.stringify(result.body)}`)
    clients.add(org, result)
    opened.push(result)
  }
  return opened
}

test('S3: a node whose event loop is blocked keeps its lease before D, and loses what others took after it', async () => {
  const [blocked] = fleet.nodes
  const taken = await open(0, 'taken', 3)
  const kept = await open(0, 'kept', 2)
  const lease = await fleet.books.leaseOf('node-1')
  await untilBooksAgree(fleet.books, clients)

  blocked!.kill('SIGUSR2')
  // Answered when it goes on: a short block costs nobody anything.
  expect(await knock(0, 'taken')).toMatchObject({ status: 429, body: { currentCount: 3 } })
  expect(await fleet.books.leaseOf('node-1')).toBe(lease)
  expect(clients.closedByServer).toEqual([])

  blocked!.kill('SIGUSR2')
  await until(async () => !(await fleet.books.isLive(lease)), { withinMs: 8_000, what: 'its lease is dead' })
  const theirs = await open(1, 'taken', 3)
  const knocking = Array.from({ length: 6 }, () => knock(0, 'late'))
  expect(clients.closedByServer, 'nothing is closed while nobody is there to close it').toEqual([])

  await until(() => clients.closedByServer.length === 3, { withinMs: 15_000, what: 'those without a slot are closed' })
  expect(clients.closedByServer.map(({ org, code }) => `${org} ${code}`)).toEqual(Array(3).fill('taken 4408'))
  expect(taken.every(({ ws }) => ws.readyState === ws.CLOSED)).toBe(true)
  expect([...kept, ...theirs].every(({ ws }) => ws.readyState === ws.OPEN)).toBe(true)
  for (const result of await Promise.all(knocking)) {
    if (result.accepted) clients.add('late', result)
    else expect(result.body.code).toMatch(/^(ORG_CONNECTION_LIMIT_EXCEEDED|RECOVERING|STORE_UNAVAILABLE)$/)
  }
  expect(clients.count('late')).toBeLessThanOrEqual(3)
  await untilBooksAgree(fleet.books, clients)
  expect(await fleet.books.leaseOf('node-1')).not.toBe(lease)
  expect(await fleet.books.isLive(lease)).toBe(false)
  await clients.closeAll()
  await untilBooksAgree(fleet.books, clients)
})
