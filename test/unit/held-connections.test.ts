import { afterEach, expect, test, vi } from 'vitest'
import { HeldConnection } from '../../src/node/held/held-connection.js'
import { HeldConnections } from '../../src/node/held/held-connections.js'
import { connectionOf, turns } from '../support/steered-node.js'

afterEach(() => vi.restoreAllMocks())

function holding(held: HeldConnections, org: string, count: number) {
  return Array.from({ length: count }, (_, i) => {
    const connection = connectionOf(`${org}-${i}`, org)
    connection.hold()
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

test('a peer that is named only after the loss is told at once, and none of a connection that is gone', () => {
  const told: string[] = []
  const peer = { isSilent: false, probe: async () => true, lose: (closing: string) => told.push(closing) }
  const [lost, gone] = [connectionOf('a-0', 'acme'), connectionOf('a-1', 'acme')]
  lost.lose('EVICTED')
  lost.watch(peer)
  expect([lost.peer, told]).toEqual([peer, ['EVICTED']])
  gone.lose('DRAINING')
  new HeldConnections().remove(gone)
  gone.watch(peer)
  expect([gone.peer, told]).toEqual([undefined, ['EVICTED']])
})

test('a connection that is lost tells its peer once, and whoever asks for the signal, before or after', () => {
  const told: string[] = []
  const [early, late] = [connectionOf('a-0', 'acme'), connectionOf('a-1', 'acme')]
  for (const connection of [early, late]) {
    connection.watch({ isSilent: false, probe: async () => true, lose: (closing) => told.push(closing) })
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

test('a peer that throws or rejects when it is told is reported, and who told it goes on', async () => {
  const said = vi.spyOn(console, 'error').mockImplementation(() => {})
  const broken = new Error('broken')
  const throws = () => {
    throw broken
  }
  for (const lose of [throws, () => Promise.reject(broken)]) {
    const connection = connectionOf('a-0', 'acme')
    connection.watch({ isSilent: false, probe: async () => true, lose })
    connection.lose('EVICTED')
    expect(connection.lost.reason).toBe('EVICTED')
  }
  await turns()
  expect(said.mock.calls.map(([, error]) => error)).toEqual([broken, broken])
})

test('R2: what is held in a scope is counted there alone, and no longer once it is given back or on its way out', () => {
  const held = new HeldConnections()
  const scope = (id: string) => ({ name: 'gateway', id, limit: 9 })
  const all = ['eu', 'eu', 'us'].map((id, i) => {
    const { claim } = connectionOf(`c-${i}`, 'acme')
    const connection = new HeldConnection({ ...claim, scopes: [claim.scopes[0], scope(id)] }, i)
    connection.hold()
    held.add(connection)
    return connection
  })
  const ids = (id: string) => [...held.in(scope(id))].map((connection) => connection.id)
  expect([ids('eu'), ids('us'), ids('asia')]).toEqual([['c-0', 'c-1'], ['c-2'], []])
  const asking = connectionOf('asking', 'acme')
  held.add(asking)
  expect([...held.in({ name: 'org', id: 'acme' })]).toEqual(all)
  held.remove(asking)
  all[0]!.leave('EVICTED')
  expect([held.heldIn(scope('eu')), ids('eu')]).toEqual([2, ['c-1']])
  for (const connection of all) held.remove(connection)
  expect([held.heldIn(scope('eu')), ids('eu'), held.orgs(), held.limitOf('acme')]).toEqual([0, [], [], undefined])
})

test('those that hold a slot come the oldest first, and the highest limit of an org counts', () => {
  const held = new HeldConnections()
  const [young, asking, old] = [
    connectionOf('young', 'acme', 2, 30),
    connectionOf('asking', 'acme', 9, 10),
    connectionOf('old', 'acme', 5, 20),
  ]
  for (const connection of [young!, asking!, old!]) held.add(connection)
  young!.hold()
  old!.hold()
  expect(held.held().map(({ id }) => id)).toEqual(['old', 'young'])
  expect([held.limitOf('acme'), held.orgs()]).toEqual([9, ['acme']])
  held.remove(asking!)
  expect(held.limitOf('acme')).toBe(5)
  const [only] = holding(held, 'globex', 1)
  held.remove(only!)
  expect(held.orgs()).toEqual(['acme'])
})

test('L4: who waits for all to be gone is told then, and at once where nothing is left', async () => {
  const held = new HeldConnections()
  const [first, second] = holding(held, 'acme', 2)
  let told = 0
  const waiting = held.whenEmpty().then(() => told++)
  held.remove(first!)
  await turns()
  expect(told).toBe(0)
  held.remove(second!)
  await waiting
  await held.whenEmpty()
  expect(told).toBe(1)
})

test('a connection that loses its slot while it holds none stays what it is; its signal is one and the same', () => {
  const connection = connectionOf('a', 'acme')
  const { lost } = connection
  connection.end()
  connection.loseSlot()
  expect([connection.state, connection.lost === lost, lost.reason]).toEqual(['gone', true, 'LEASE_LOST'])
})
