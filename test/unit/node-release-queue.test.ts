import { beforeEach, describe, expect, test } from 'vitest'
import type { Session } from '../../src/node/lease/session.js'
import { ReleaseQueue } from '../../src/node/queues/release-queue.js'
import type { SlotRef } from '../../src/store/lease-store.js'
import { ManualClock } from '../support/manual-clock.js'
import { claimOf, SessionMaker, steeredStore, turns } from '../support/steered-node.js'
import type { SteeredStore } from '../support/steered-store.js'
import { done } from '../support/store-node.js'

let store: SteeredStore
let sessions: SessionMaker
let queue: ReleaseQueue

beforeEach(() => {
  store = steeredStore(new ManualClock())
  sessions = new SessionMaker(store)
  queue = new ReleaseQueue(new ManualClock())
})

const slots = async () => (await store.inspector.countOrgs(['acme']))[0]!.count

async function take(session: Session, count: number) {
  const claims = Array.from({ length: count }, (_, i) => claimOf(`c-${i}`, 'acme', 1_000))
  for (let from = 0; from < count; from += 64) {
    const some = claims.slice(from, from + 64)
    done(await session.call((connection, fence) => connection.acquire(fence, some)))
  }
  return claims
}

/** Whether `whenEmpty` has resolved, without waiting for it. */
async function isEmpty(): Promise<boolean> {
  let empty = false
  void queue.whenEmpty().then(() => {
    empty = true
  })
  await turns()
  return empty
}

describe('what is given back in the same turns of the event loop', () => {
  const due: (() => void)[] = []
  const sizes = () => store.calls.map(({ said }) => (said[1] as SlotRef[]).length)

  beforeEach(async () => {
    due.length = 0
    queue = new ReleaseQueue({ soon: (task) => void due.push(task), monotonicMs: () => 0 })
    queue.open(await sessions.next())
    store.holdUp('release')
  })

  test('shares a call, which leaves when a turn brings nobody', () => {
    for (let n = 0; n < 3; n++) queue.add(claimOf(`c-${n}`))
    expect(sizes()).toEqual([])
    for (const task of due.splice(0)) task()
    queue.add(claimOf('c-3'))
    for (const task of due.splice(0)) task()
    expect(sizes()).toEqual([])
    for (const task of due.splice(0)) task()
    expect([sizes(), due]).toEqual([[4], []])
  })

  test('leaves at once where somebody is about to be asked for, behind a call that is under way too', () => {
    queue.sendAhead()
    expect(sizes()).toEqual([])
    for (let n = 0; n < 70; n++) queue.add(claimOf(`c-${n}`))
    for (let n = 0; n < 3; n++) queue.sendAhead()
    expect(sizes()).toEqual([64, 6])
    for (const task of due.splice(0)) task()
    expect(sizes()).toEqual([64, 6])
  })

  test('four calls at a time go ahead at most', () => {
    for (let n = 0; n < 6 * 64; n++) queue.add(claimOf(`c-${n}`))
    for (let n = 0; n < 6; n++) queue.sendAhead()
    expect(sizes()).toEqual([64, 64, 64, 64])
  })
})

describe('L1: what is to be given back stays until the store has confirmed it', () => {
  test('without a session it waits; with one it goes at once', async () => {
    const session = await sessions.next()
    const [one, two] = await take(session, 2)
    queue.add(one!)
    expect(queue.has('c-0')).toBe(true)
    expect(await isEmpty()).toBe(false)
    queue.open(session)
    await turns()
    expect(queue.size).toBe(0)
    queue.add(two!)
    expect(await isEmpty()).toBe(true)
    expect(await slots()).toBe(0)
  })

  test('an unanswered call is said again by the next session, whether the store had done it or not', async () => {
    for (const lost of ['the answer', 'the question']) {
      const session = await sessions.next()
      const claims = await take(session, 3)
      queue.open(session)
      store.holdUp('release')
      for (const claim of claims) queue.add(claim)
      await (lost === 'the answer' ? store.calls[0]!.loseAnswer() : store.calls[0]!.giveUp())
      await turns()
      expect(session.end?.why).toBe('unanswered')
      expect(queue.size).toBe(3)
      store.letThrough('release')
      queue.close()
      queue.open(await sessions.next())
      expect(await isEmpty()).toBe(true)
      expect(await slots()).toBe(0)
    }
  })

  test('a call that comes late, after the next session, frees nothing', async () => {
    const first = await sessions.next()
    const [one] = await take(first, 1)
    queue.open(first)
    store.holdUp('release')
    queue.add(one!)
    const late = store.calls[0]!
    late.giveUp()
    await turns()
    queue.close()
    const second = await sessions.next()
    expect(await late.deliver()).toEqual({ status: 'refused', reason: 'stale' })
    expect(await slots()).toBe(1)
    store.letThrough('release')
    queue.open(second)
    expect(await isEmpty()).toBe(true)
    expect(await slots()).toBe(0)
  })

  test('the next session opens while the last call of the old one is still under way', async () => {
    const first = await sessions.next()
    const claims = await take(first, 2)
    queue.open(first)
    store.holdUp('release')
    queue.add(claims[0]!)
    const old = store.calls[0]!
    const second = await sessions.next()
    store.letThrough('release')
    queue.open(second)
    queue.add(claims[1]!)
    old.giveUp()
    expect(await isEmpty()).toBe(true)
    expect(await slots()).toBe(0)
  })

  test('a refused call leaves them to whoever learns what became of the lease', async () => {
    const session = await sessions.next()
    const [one] = await take(session, 1)
    store.inner.tables.live.delete(sessions.lease)
    store.inner.tables.dead.add(sessions.lease)
    queue.open(session)
    queue.add(one!)
    await turns()
    expect(session.end?.why).toBe('fenced')
    expect(queue.size).toBe(1)
    queue.forget()
    expect(await isEmpty()).toBe(true)
  })
})

test('what comes while a call is under way goes with the next; of full ones, of 64, there are four at once', async () => {
  const session = await sessions.next()
  const claims = await take(session, 400)
  queue.open(session)
  store.holdUp('release')
  const sizesOfCalls = () => store.calls.map(({ said }) => (said[1] as SlotRef[]).length)
  for (const claim of claims.slice(0, 30)) queue.add(claim)
  expect(sizesOfCalls()).toEqual([1])
  for (const claim of claims.slice(30)) queue.add(claim)
  expect(sizesOfCalls()).toEqual([1, 64, 64, 64])
  const sizes: number[] = []
  while (store.calls.length > 0) {
    expect(store.calls.length).toBeLessThanOrEqual(4)
    sizes.push(sizesOfCalls()[0]!)
    await store.calls[0]!.answer()
    await turns()
  }
  expect(sizes).toEqual([1, 64, 64, 64, 64, 64, 64, 15])
  expect(await isEmpty()).toBe(true)
  expect(await slots()).toBe(0)
})

describe('who waits for one slot to come back', () => {
  /** Whether `whenReturned` has resolved, by the ids that are asked for, as far as it has. */
  function waiting(...ids: string[]): string[] {
    const back: string[] = []
    for (const id of ids) void queue.whenReturned(id).then(() => back.push(id))
    return back
  }

  test('is told when the store has confirmed that one, and at once where there is nothing to wait for', async () => {
    const session = await sessions.next()
    const [one, two] = await take(session, 2)
    queue.open(session)
    store.holdUp('release')
    queue.add(one!)
    queue.add(two!)
    const back = waiting('c-0', 'c-1', 'unknown')
    await turns()
    expect(back).toEqual(['unknown'])
    await store.calls[0]!.answer()
    await turns()
    expect(back).toEqual(['unknown', 'c-0'])
    await store.calls[0]!.answer()
    await turns()
    expect(back).toEqual(['unknown', 'c-0', 'c-1'])
  })

  test('is told as any other who waits for the same one', async () => {
    const session = await sessions.next()
    const [one] = await take(session, 1)
    queue.open(session)
    queue.add(one!)
    const back = waiting('c-0', 'c-0')
    await turns()
    expect(back).toEqual(['c-0', 'c-0'])
  })

  test('is told when its lease is dead: nobody gives it back any more', async () => {
    const session = await sessions.next()
    const [one] = await take(session, 1)
    queue.add(one!)
    const back = waiting('c-0')
    await turns()
    expect(back).toEqual([])
    queue.forget()
    await turns()
    expect(back).toEqual(['c-0'])
    session.close('closed', 'test')
  })
})
