import { describe, expect, test } from 'vitest'
import { Waiter } from '../../src/node/probing/waiter.js'
import { WaitingRoom } from '../../src/node/probing/waiting-room.js'

/** So many of this org want to wait; those that may. */
function crowd(room: WaitingRoom, org: string, count: number): Waiter[] {
  const waiters = Array.from({ length: count }, () => new Waiter(room, org))
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
    const another = new Waiter(room, 'a')
    expect(another.mayWait()).toBe(false)
    for (let n = 0; n < 3; n++) first!.leave()
    another.leave()
    expect([another.mayWait(), first!.mayWait()]).toEqual([true, false])
    another.leave()
    expect(first!.mayWait()).toBe(true)
  })
})
