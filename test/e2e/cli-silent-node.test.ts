import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type Fleet, startFleet } from '../support/fleet.js'
import { type Accepted, connectGateway, type Refused } from '../support/gateways.js'
import { operate, type Told } from '../support/operator.js'
import { until } from '../support/until.js'

let fleet: Fleet

beforeAll(async () => {
  // So long that the lease does not end while a slow machine asks five times.
  fleet = await startFleet({ count: 2, env: { HEADCOUNT_LEASE_TTL: '60s' } })
}, 60_000)

afterAll(() => fleet.stop())

function ask(...args: string[]): Promise<Told> {
  const [{ adminUrl, adminToken }] = fleet.nodes as [(typeof fleet.nodes)[0]]
  return operate(args, { HEADCOUNT_ADMIN_URL: adminUrl, ADMIN_TOKEN: adminToken })
}

/** The same without a node. */
function read(...args: string[]): Promise<Told> {
  return operate([...args, '--redis', '--key-prefix', fleet.books.prefix], { REDIS_URL: fleet.redis.url })
}

test('a node that has fallen silent is seen by nodes, doctor, check, org and why, until it is back', async () => {
  const [first, second] = fleet.nodes as [(typeof fleet.nodes)[0], (typeof fleet.nodes)[0]]
  const open = (node: number) => connectGateway(fleet.urls[node]!, { key: fleet.keyOf('acme') })
  const held = [await open(1), await open(1), await open(0)] as [Accepted, Accepted, Accepted]
  onTestFinished(() => {
    for (const one of held) one.terminate()
  })
  second.pause()
  onTestFinished(() => second.resume())
  const silent = async () => {
    const { nodes } = await first.admin<{ nodes: { name: string; heartbeatAgeMs: number }[] }>('/admin/v1/nodes')
    return nodes.some(({ name, heartbeatAgeMs }) => name === 'node-2' && heartbeatAgeMs > 3_000)
  }
  await until(silent, { withinMs: 20_000 })
  const refused = (await open(0)) as Refused
  expect(refused).toMatchObject({ accepted: false, status: 429 })

  for (const look of [ask, read]) {
    expect((await look('nodes')).lines[2]).toMatch(/^ +2 +silent for [\d.]+ s +[\d.]+ s +[\d.]+ \w+ +[\d.]+ +node-2$/)
    const doctor = await look('doctor')
    expect(doctor.code).toBe(1)
    expect(doctor.lines[0]).toMatch(/^warning NODE_LATE {2}node-2: silent for [\d.]+ s, its lease ends in [\d.]+ s$/)
    expect(doctor.lines.at(-1)).toMatch(/: 1 finding$/)
    expect(await look('check')).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^HEADCOUNT WARNING - 1 node silent: node-2 \|/),
    })
  }

  const why = await ask('why', String(refused.body.instance))
  expect(why.stdout).toMatch(/to do {3}Wait: nodes that are silent hold 2 of the slots, free in [\d.]+ s unless/)
  expect(why.stdout).not.toContain('Give it room')
  for (const told of [why, await ask('org', 'acme'), await read('org', 'acme')]) {
    expect(told.stdout).toMatch(/^CONNECTION +AGE +NODE +STATE +ADDRESS/m)
    expect(told.lines.filter((line) => /node-2 +node silent, free in [\d.]+ s +127/.test(line))).toHaveLength(2)
    expect(told.lines.filter((line) => /node-1 +127/.test(line))).toHaveLength(1)
  }

  second.resume()
  await held[0].close()
  await until(async () => (await ask('check')).code === 0, { withinMs: 20_000 })
  const later = await ask('why', String(refused.body.instance))
  expect(later.stdout).toContain('Try again: 1 of the holders below is gone since.')
  expect(later.stdout).toContain('headcount limit set acme N --for 1h')
  expect(later.lines.filter((line) => line.includes('gone since  '))).toHaveLength(1)
}, 90_000)
