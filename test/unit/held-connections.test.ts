import { expect, test } from 'vitest'
import { HeldConnections } from '../../src/node/held-connections.js'
import { connectionOf } from '../support/steered-node.js'

function holding(held: HeldConnections, org: string, count: number) {
  return Array.from({ length: count }, (_, i) => {
    const connection = connectionOf(`${org}-${i}`, org)
    connection.state = 'held'
    held.add(connection)
    return connection
  })
}

test('counts the slots of an org: held ones alone, and none that were given back', () => {
  const held = new HeldConnections()
  const [first, second, third] = holding(held, 'acme', 3)
  holding(held, 'globex', 2)
  expect([held.heldBy('acme'), held.heldBy('globex'), held.heldBy('nobody')]).toEqual([3, 2, 0])
  held.remove(first!)
  held.remove(first!)
  second!.loseSlot()
  expect([held.heldBy('acme'), held.size]).toEqual([1, 4])
  held.remove(second!)
  held.remove(third!)
  expect([held.heldBy('acme'), held.heldBy('globex'), held.size]).toEqual([0, 2, 2])
})

test('S5: counting one org looks at none of the others', () => {
  const held = new HeldConnections()
  let looks = 0
  for (const connection of [...holding(held, 'crowd', 1_000), ...holding(held, 'acme', 1)]) {
    const get = () => {
      looks++
      return 'held'
    }
    Object.defineProperty(connection, 'state', { get })
  }
  expect(held.heldBy('acme')).toBe(1)
  expect(looks).toBe(1)
  // The control: looks are counted.
  expect(held.heldBy('crowd')).toBe(1_000)
  expect(looks).toBe(1_001)
})

test('a connection that is lost tells its peer once, and whoever asks for the signal, before or after', () => {
  const told: string[] = []
  const [early, late] = [connectionOf('a-0', 'acme'), connectionOf('a-1', 'acme')]
  for (const connection of [early, late]) {
    connection.peer = { isSilent: false, probe: async () => true, lose: (closing) => told.push(closing) }
  }
  const signal = early.lost
  expect([signal.aborted, early.closing]).toEqual([false, undefined])
  for (const connection of [early, late]) {
    connection.lose('EVICTED')
    connection.lose('DRAINING')
  }
  expect(told).toEqual(['EVICTED', 'EVICTED'])
  expect([signal.reason, late.lost.reason, late.closing]).toEqual(['EVICTED', 'EVICTED', 'EVICTED'])
})
