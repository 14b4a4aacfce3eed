import { expect, test } from 'vitest'
import { CountingAdmitter } from '../support/counting-admitter.js'
import { allGone, startGate } from '../support/gate-server.js'
import { connectGateway } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import { until } from '../support/until.js'

leakGate()

/** A gate with room for so many, and a store that answers nobody yet, whom `knocks` attempts of acme are asking. */
async function nearlyFull(maxConnections: number, knocks: number) {
  const admitter = new CountingAdmitter({ limit: 100 })
  const gate = await startGate(admitter, { maxConnections })
  const come = async (key: string) => {
    const result = await connectGateway(gate.url, { key })
    return { code: result.accepted ? 'accepted' : result.body.code, leave: () => result.accepted && result.close() }
  }
  const answer = admitter.hold()
  const knocking = Array.from({ length: knocks }, () => come('acme'))
  await until(() => admitter.waiting === knocks)
  return { admitter, gate, come, answer, knocking }
}

test('S5: an org is asked for while a connection fits, however many attempts of another are under way', async () => {
  const { admitter, gate, come, answer, knocking } = await nearlyFull(2, 2)
  expect((await come('acme')).code).toBe('NODE_CAPACITY_EXCEEDED')
  const other = come('globex')
  await until(() => admitter.waiting === 3)
  // One of an org is enough to be asked for with: what goes beyond the room is bounded by the orgs.
  expect((await come('globex')).code).toBe('NODE_CAPACITY_EXCEEDED')
  answer()
  const all = await Promise.all([...knocking, other])
  // All three got a slot, and the last of them found the node full.
  expect(all.map(({ code }) => code).sort()).toEqual(['NODE_CAPACITY_EXCEEDED', 'accepted', 'accepted'])
  expect([admitter.count, gate.gate.count('open')]).toEqual([2, 2])
  for (const { leave } of all) await leave()
  await allGone(gate, admitter)
})

test('nobody is asked for once the node is full of connections', async () => {
  const { admitter, gate, come, answer, knocking } = await nearlyFull(1, 1)
  answer()
  const [first] = await Promise.all(knocking)
  expect((await come('globex')).code).toBe('NODE_CAPACITY_EXCEEDED')
  expect(admitter.requests).toHaveLength(1)
  await first!.leave()
  await allGone(gate, admitter)
})
