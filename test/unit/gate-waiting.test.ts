import { expect, test } from 'vitest'
import { CountingAdmitter } from '../support/counting-admitter.js'
import { allGone, startGate } from '../support/gate-server.js'
import { type Accepted, connectGateway, type Refused } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import { handshake, RawClient } from '../support/raw-client.js'
import { until } from '../support/until.js'

leakGate()

/** A gate at which so many wait until somebody has been asked whether he is still there, and the function that ends it. */
async function crowded(count: number, options: Parameters<typeof startGate>[1]) {
  const admitter = new CountingAdmitter({ limit: 100 })
  const gate = await startGate(admitter, options)
  const come = (key: string) => connectGateway(gate.url, { key })
  const go = admitter.park('acme')
  const waiting = Array.from({ length: count }, () => come('acme'))
  await until(() => gate.gate.count('waiting') === count)
  return { admitter, gate, come, go, waiting }
}

const bodyOf = (result: Accepted | Refused) => (result.accepted ? 'accepted' : result.body.code)

test('S5: who only waits takes nobody the room that the node has', async () => {
  const { admitter, gate, come, go, waiting } = await crowded(3, { maxConnections: 2, maxPendingUpgrades: 2 })
  const newcomers = [await come('globex'), await come('initech')]
  expect(newcomers.map(bodyOf)).toEqual(['accepted', 'accepted'])
  expect(bodyOf(await come('hooli'))).toBe('NODE_CAPACITY_EXCEEDED')
  go()
  // They have slots now, and no room. What they were given they give back at once.
  expect((await Promise.all(waiting)).map(bodyOf)).toEqual(Array(3).fill('NODE_CAPACITY_EXCEEDED'))
  expect([admitter.count, gate.gate.count('open')]).toEqual([2, 2])
  for (const one of newcomers) if (one.accepted) await one.close()
  await allGone(gate, admitter)
})

test('of those who waited so many come in as there is room for, and not one more', async () => {
  const { admitter, gate, come, go, waiting } = await crowded(5, { maxConnections: 3 })
  const first = await come('globex')
  go()
  const results = await Promise.all(waiting)
  expect(results.map(bodyOf).sort()).toEqual([...Array(3).fill('NODE_CAPACITY_EXCEEDED'), ...Array(2).fill('accepted')])
  expect([admitter.count, gate.gate.count('open')]).toEqual([3, 3])
  for (const one of [first, ...results]) if (one.accepted) await one.close()
  await allGone(gate, admitter)
})

test('a slot for which there is no room any more is free before its client has read so', async () => {
  const { admitter, gate, come, go } = await crowded(0, { maxConnections: 1, reject: 'close' })
  const deaf = new RawClient(gate.port).send(handshake())
  await until(() => gate.gate.count('waiting') === 1)
  const first = await come('globex')
  go()
  await until(() => gate.gate.count('refused') === 1)
  expect(admitter.count).toBe(1)
  deaf.reset()
  if (first.accepted) await first.close()
  await allGone(gate, admitter)
})

test('L4: who waits when the node drains is refused at once', async () => {
  const { admitter, gate, go, waiting } = await crowded(2, {})
  const drained = gate.gate.closeAll('DRAINING', { withinMs: 1_000 })
  expect((await Promise.all(waiting)).map(bodyOf)).toEqual(['DRAINING', 'DRAINING'])
  go()
  await drained
  await allGone(gate, admitter)
})

test('who waits is cut off with the others when the gate is destroyed', async () => {
  const { admitter, gate, go, waiting } = await crowded(1, {})
  gate.gate.destroy()
  await Promise.allSettled(waiting)
  go()
  await allGone(gate, admitter)
})
