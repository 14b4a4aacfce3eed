import { describe, expect, test } from 'vitest'
import { instanceScope } from '../../src/node/held/instances.js'
import { Waiter } from '../../src/node/probing/waiter.js'
import { WaitingRoom } from '../../src/node/probing/waiting-room.js'
import type { ScopeRef } from '../../src/store/lease-store.js'

/** So many of this org want to wait; those that may. */
function crowd(room: WaitingRoom, org: string, count: number, instance?: ScopeRef): Waiter[] {
  const waiters = Array.from({ length: count }, () => new Waiter(room, { org, instance }))
  return waiters.filter((waiter) => waiter.mayWait())
}

describe('where refused admissions wait', () => {
  test('S5: there are 512 places, of which one org has half, and another always one', () => {
    const room = new WaitingRoom()
    const sizes = ['a', 'b', 'c'].map((org) => crowd(room, org, 600).length)
    expect([...sizes, crowd(room, 'd', 1).length]).toEqual([256, 128, 64, 1])
  })

  test('one that waits for several things has one place, until it leaves, and then may come again', () => {
    const room = new WaitingRoom()
    const [first] = crowd(room, 'a', 300)
    for (let n = 0; n < 3; n++) expect(first!.mayWait()).toBe(true)
    const another = new Waiter(room, { org: 'a' })
    expect(another.mayWait()).toBe(false)
    for (let n = 0; n < 3; n++) first!.leave()
    another.leave()
    expect([another.mayWait(), first!.mayWait()]).toEqual([true, false])
    another.leave()
    expect(first!.mayWait()).toBe(true)
  })

  test('L2: who may have the slot of its old connection waits too, and keeps the room that it has on the node', () => {
    const room = new WaitingRoom()
    const told: string[] = []
    const signal = (name: string) => Object.assign(new AbortController().signal, { waits: () => void told.push(name) })
    const [plain, heir] = [
      new Waiter(room, { org: 'a' }, signal('plain')),
      new Waiter(room, { org: 'a', replaces: 'a-1' }, signal('heir')),
    ]
    expect([plain.mayWait(), heir.mayWait(), told]).toEqual([true, true, ['plain']])
  })

  test('four may wait of one instance, however many ask, and leave its org’s places to others', () => {
    const room = new WaitingRoom()
    const [x, y] = ['x', 'y'].map((name) => instanceScope('a', undefined, name))
    const four = crowd(room, 'a', 600, x)
    expect([four.length, crowd(room, 'a', 600, y).length, crowd(room, 'a', 600).length]).toEqual([4, 4, 248])
    for (const waiter of four) waiter.leave()
    // Those of the org are taken: of its four places one has gone to a newcomer of no name.
    expect([crowd(room, 'a', 1).length, crowd(room, 'a', 600, x).length]).toEqual([1, 3])
  })

  test('an instance that finds no place of its org has taken none of its own', () => {
    const room = new WaitingRoom()
    const x = instanceScope('a', undefined, 'x')
    const [one] = crowd(room, 'a', 600)
    expect(crowd(room, 'a', 600, x)).toEqual([])
    one!.leave()
    expect(crowd(room, 'a', 600, x).length).toBe(1)
  })
})
