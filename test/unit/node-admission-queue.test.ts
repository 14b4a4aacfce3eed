import EventEmitter from 'node:events'
import { beforeEach, describe, expect, test } from 'vitest'
import { HeldConnections } from '../../src/node/held/held-connections.js'
import type { Session } from '../../src/node/lease/session.js'
import { type AdmissionOutcome, AdmissionQueue } from '../../src/node/queues/admission-queue.js'
import { ReleaseQueue } from '../../src/node/queues/release-queue.js'
import type { Claim } from '../../src/store/lease-store.js'
import { ManualClock } from '../support/manual-clock.js'
import { claimOf, connectionOf, declareDead, SessionMaker, steeredStore, turns } from '../support/steered-node.js'
import type { SteeredStore } from '../support/steered-store.js'

const BUDGET_MS = 250

let clock: ManualClock
let store: SteeredStore
let sessions: SessionMaker
let held: HeldConnections
let releases: ReleaseQueue
let queue: AdmissionQueue
let trusted: boolean
let made: number

beforeEach(() => {
  clock = new ManualClock()
  store = steeredStore(clock)
  sessions = new SessionMaker(store)
  held = new HeldConnections()
  releases = new ReleaseQueue(clock)
  trusted = true
  made = 0
  queue = new AdmissionQueue({ clock, budgetMs: BUDGET_MS, held, releases, trusted: () => trusted })
})

/** An admission that the test can look at without waiting for it. */
function ask(signal?: AbortSignal, limit = 3): { outcome: AdmissionOutcome | undefined; state(): string } {
  const connection = connectionOf(`c-${made++}`, 'acme', limit)
  const asked: { outcome: AdmissionOutcome | undefined; state(): string } = {
    outcome: undefined,
    state: () => connection.state,
  }
  void queue.ask(connection, signal).then((outcome) => {
    asked.outcome = outcome
  })
  return asked
}

/** The next generation takes over, for admissions and releases alike, as the keeper has it. */
async function reopen(last?: Session): Promise<Session> {
  last?.close('unanswered', 'test')
  queue.close(false)
  releases.close()
  const session = await sessions.next()
  releases.open(session)
  queue.open(session)
  await turns()
  return session
}

const slots = async () => (await store.inspector.countOrgs(['acme']))[0]!.count
const admitted = { kind: 'decided', verdict: { admitted: true } }

async function nothingKept(): Promise<void> {
  await turns()
  expect({ slots: await slots(), held: held.size, releases: releases.size }).toEqual({ slots: 0, held: 0, releases: 0 })
}

describe('L6: a decision within the budget', () => {
  test('without a session it waits for one as long as the budget lasts', async () => {
    const early = ask()
    clock.advance(BUDGET_MS - 1)
    await turns()
    expect(early.outcome).toBeUndefined()
    await reopen()
    expect(early.outcome).toMatchObject(admitted)
    expect(early.state()).toBe('held')
  })

  test('without a session for the whole budget it is unavailable, and nothing is kept', async () => {
    const asked = ask()
    clock.advance(BUDGET_MS)
    await turns()
    expect(asked.outcome).toMatchObject({ kind: 'unavailable' })
    expect(held.size).toBe(0)
    await reopen()
    await nothingKept()
  })

  test('when the store has been away for longer than the budget, the answer comes at once', async () => {
    await reopen()
    queue.close(false)
    clock.advance(BUDGET_MS)
    const asked = ask()
    await turns()
    expect(asked.outcome).toMatchObject({ kind: 'unavailable', cause: 'the store is away' })
    expect(held.size).toBe(0)
  })

  test('a store that is there again, and has to be told first, is waited for anew, however long it was away', async () => {
    await reopen()
    queue.close(false)
    clock.advance(2 * BUDGET_MS)
    queue.opening()
    const asked = ask()
    clock.advance(BUDGET_MS - 1)
    await turns()
    expect(asked.outcome).toBeUndefined()
    clock.advance(1)
    await turns()
    expect(asked.outcome).toEqual({ kind: 'recovering', retryAfterMs: undefined })
    await reopen()
    queue.close(false)
    clock.advance(BUDGET_MS)
    const late = ask()
    await turns()
    expect(late.outcome, 'away again, and nothing else').toMatchObject({ kind: 'unavailable' })
  })

  test('a node that is telling of its connections says that it recovers', async () => {
    await reopen()
    queue.close(true)
    const asked = ask()
    clock.advance(BUDGET_MS)
    await turns()
    expect(asked.outcome).toEqual({ kind: 'recovering', retryAfterMs: undefined })
  })

  test('each waits for its own budget, however many came before', async () => {
    const asked: ReturnType<typeof ask>[] = []
    for (let n = 0; n < 5; n++) {
      asked.push(ask())
      clock.advance(40)
    }
    for (let n = 0; n < 5; n++) {
      clock.advance(n === 0 ? BUDGET_MS - 200 : 40)
      await turns()
      expect(asked.map(({ outcome }) => outcome !== undefined)).toEqual(asked.map((_, i) => i <= n))
    }
    expect(clock.pending).toBe(0)
  })

  test('at its end an acquire is under way: the slot is given back as soon as it is known', async () => {
    await reopen()
    store.holdUp('acquire')
    const asked = ask()
    clock.advance(BUDGET_MS)
    await turns()
    expect(asked.outcome).toMatchObject({ kind: 'unavailable' })
    // Listed until its fate is known, so that the audit does not take the slot for a leak.
    expect(held.size).toBe(1)
    expect(releases.size).toBe(0)
    await store.calls[0]!.answer()
    await nothingKept()
  })

  test('S3: what is answered when the lease is no longer trusted is not used, and given back', async () => {
    await reopen()
    store.holdUp('acquire')
    const asked = ask()
    trusted = false
    await store.calls[0]!.answer()
    await turns()
    expect(asked.outcome).toMatchObject({ kind: 'unavailable' })
    expect(asked.state()).toBe('gone')
    await nothingKept()
  })
})

describe('S4: asking again after an unanswered call', () => {
  test('the store had done it: the next session confirms the same slot', async () => {
    const session = await reopen()
    store.holdUp('acquire')
    const asked = ask()
    await store.calls[0]!.loseAnswer()
    store.letThrough('acquire')
    await turns()
    expect(asked.outcome).toBeUndefined()
    expect(await slots()).toBe(1)
    await reopen(session)
    expect(asked.outcome).toMatchObject({ ...admitted, verdict: { count: 1 } })
    expect(await slots()).toBe(1)
  })

  test('the store had not: the next session takes it, and the old call that comes late takes nothing', async () => {
    const session = await reopen()
    store.holdUp('acquire')
    const asked = ask()
    const late = store.calls[0]!
    late.giveUp()
    store.letThrough('acquire')
    await reopen(session)
    expect(asked.outcome).toMatchObject(admitted)
    expect(await late.deliver()).toEqual({ status: 'refused', reason: 'stale' })
    expect(await slots()).toBe(1)
  })

  test('the last slot is not refused to the one who holds it', async () => {
    const session = await reopen()
    store.holdUp('acquire')
    const asked = ask(undefined, 1)
    await store.calls[0]!.loseAnswer()
    store.letThrough('acquire')
    await reopen(session)
    expect(asked.outcome).toMatchObject({ ...admitted, verdict: { count: 1, limit: 1 } })
  })

  test('nobody waits any more when the next session opens: it is released, not asked for', async () => {
    const session = await reopen()
    store.holdUp('acquire')
    const asked = ask()
    await store.calls[0]!.loseAnswer()
    store.letThrough('acquire')
    clock.advance(BUDGET_MS)
    await turns()
    expect(asked.outcome).toMatchObject({ kind: 'unavailable' })
    expect({ slots: await slots(), held: held.size, releases: releases.size }).toEqual({
      slots: 1,
      held: 0,
      releases: 1,
    })
    await reopen(session)
    await nothingKept()
  })
})

describe('L1: a caller that leaves', () => {
  test('before it asks: nothing is asked for it', async () => {
    await reopen()
    const asked = ask(AbortSignal.abort())
    await turns()
    expect(asked.outcome).toEqual({ kind: 'abandoned' })
    expect(held.size).toBe(0)
  })

  test('while it waits for a session: it is forgotten', async () => {
    const left = new AbortController()
    const asked = ask(left.signal)
    left.abort()
    await turns()
    expect(asked.outcome).toEqual({ kind: 'abandoned' })
    await reopen()
    await nothingKept()
  })

  test('while the acquire is under way: the slot is given back when the answer comes', async () => {
    await reopen()
    store.holdUp('acquire')
    const left = new AbortController()
    const asked = ask(left.signal)
    left.abort()
    await turns()
    expect(asked.outcome).toEqual({ kind: 'abandoned' })
    expect(held.size).toBe(1)
    await store.calls[0]!.answer()
    await nothingKept()
  })

  test('while the acquire is under way, and the answer is lost: the next session gives it back', async () => {
    const session = await reopen()
    store.holdUp('acquire')
    const left = new AbortController()
    ask(left.signal)
    left.abort()
    await store.calls[0]!.loseAnswer()
    await turns()
    expect(await slots()).toBe(1)
    await reopen(session)
    await nothingKept()
  })

  test('after an unanswered acquire, before the next session', async () => {
    const session = await reopen()
    store.holdUp('acquire')
    const left = new AbortController()
    ask(left.signal)
    await store.calls[0]!.loseAnswer()
    store.letThrough('acquire')
    await turns()
    left.abort()
    expect(releases.size).toBe(1)
    await reopen(session)
    await nothingKept()
  })

  test('during the repeated acquire', async () => {
    const session = await reopen()
    store.holdUp('acquire')
    const left = new AbortController()
    ask(left.signal)
    await store.calls[0]!.loseAnswer()
    await reopen(session)
    left.abort()
    await turns()
    await store.calls[0]!.answer()
    await nothingKept()
  })

  test('when a full org was the answer, nothing is released that was never taken', async () => {
    await reopen()
    store.holdUp('acquire')
    const left = new AbortController()
    ask(left.signal, 0)
    left.abort()
    store.holdUp('release')
    await store.calls[0]!.answer()
    await turns()
    expect(store.calls).toEqual([])
    expect(held.size).toBe(0)
  })

  test('after the decision: the slot is its owner’s', async () => {
    await reopen()
    const left = new AbortController()
    const asked = ask(left.signal)
    await turns()
    left.abort()
    await turns()
    expect(asked.outcome).toMatchObject(admitted)
    expect({ state: asked.state(), slots: await slots() }).toEqual({ state: 'held', slots: 1 })
  })
})

describe('nothing grows without bound', () => {
  test('two calls are under way, and where 64 fill one, up to sixteen, in the order of asking', async () => {
    await reopen()
    store.holdUp('acquire')
    const asked = Array.from({ length: 70 }, () => ask(undefined, 1_000))
    const idsOf = (call: number) => (store.calls[call]!.said[1] as Claim[]).map(({ id }) => id)
    // A lone admission goes at once, the rest together; the last four have to wait for a reply.
    expect(store.calls).toHaveLength(3)
    expect(idsOf(0)).toEqual(['c-0'])
    expect(idsOf(1)).toEqual(['c-1'])
    expect(idsOf(2)).toEqual(Array.from({ length: 64 }, (_, i) => `c-${i + 2}`))
    asked.push(...Array.from({ length: 1_430 }, () => ask(undefined, 2_000)))
    expect(store.calls).toHaveLength(16)
    while (store.calls.length > 0) {
      await store.calls[0]!.answer()
      await turns()
      expect(store.calls.length).toBeLessThanOrEqual(16)
    }
    expect(asked.filter(({ outcome }) => outcome?.kind === 'decided')).toHaveLength(1_500)
    expect(await slots()).toBe(1_500)
  })

  test('8,192 may wait; the next is refused at once, and there is room again when they are gone', async () => {
    const asked = Array.from({ length: 8_192 }, () => ask())
    const over = ask()
    await turns()
    expect(over.outcome).toMatchObject({ kind: 'unavailable' })
    expect(asked[0]!.outcome).toBeUndefined()
    clock.advance(BUDGET_MS)
    await turns()
    expect(asked.every(({ outcome }) => outcome?.kind === 'unavailable')).toBe(true)
    expect(held.size).toBe(0)
    await reopen()
    const next = ask()
    await turns()
    expect(next.outcome).toMatchObject(admitted)
    expect(clock.pending, 'one timer serves them all').toBe(1)
    queue.close(false)
    expect(clock.pending, 'and rests while the store is away').toBe(0)
  })

  test('listeners of signals go with the decision', async () => {
    await reopen()
    const { signal } = new AbortController()
    ask(signal)
    ask(signal, 0)
    await turns()
    expect(EventEmitter.getEventListeners(signal, 'abort')).toEqual([])
  })
})

describe('what is asked in the same turns of the event loop', () => {
  const due: (() => void)[] = []
  const endTurn = () => {
    for (const task of due.splice(0)) task()
  }
  /** The last turn that brings somebody, and the one after it, in which nobody comes. */
  const endTurns = () => {
    endTurn()
    endTurn()
  }
  const sizes = () => store.calls.map(({ said }) => (said[1] as Claim[]).length)

  beforeEach(async () => {
    clock.soon = (task) => void due.push(task)
    await reopen()
    store.holdUp('acquire')
  })

  test('shares a call; one alone leaves at the end of its turn', async () => {
    ask()
    expect(sizes()).toEqual([])
    endTurn()
    expect(sizes()).toEqual([1])
    for (let n = 0; n < 5; n++) ask()
    endTurn()
    expect(sizes()).toEqual([1])
    for (let n = 0; n < 2; n++) ask()
    endTurns()
    expect(sizes()).toEqual([1, 7])
    expect(due).toEqual([])
  })

  test('comes behind what was given back before it: nobody finds a slot taken that is free already', async () => {
    store.holdUp('release')
    for (let n = 0; n < 3; n++) releases.add(claimOf(`old-${n}`))
    ask()
    endTurns()
    expect(store.calls.map(({ verb }) => verb)).toEqual(['release', 'acquire'])
    store.letThrough('release')
    for (const call of [...store.calls]) await call.answer()
  })

  test('and fills a call: that one waits for nobody', async () => {
    for (let n = 0; n < 70; n++) ask(undefined, 100)
    expect(sizes()).toEqual([64])
    endTurns()
    expect(sizes()).toEqual([64, 6])
  })

  test('what asks behind two calls leaves when one of them is answered', async () => {
    for (let n = 0; n < 2; n++) {
      ask(undefined, 100)
      endTurns()
    }
    for (let n = 0; n < 3; n++) ask(undefined, 100)
    endTurns()
    expect(sizes()).toEqual([1, 1])
    await store.calls[0]!.answer()
    await turns()
    endTurns()
    expect(sizes()).toEqual([1, 3])
  })
})

describe('takeovers', () => {
  test('have a verb of their own, and a call is of one sort', async () => {
    await reopen()
    const old = ask()
    await turns()
    expect(old.outcome).toMatchObject(admitted)
    store.holdUp('acquire', 'takeover')
    // Two calls are under way, so what comes now waits.
    for (let n = 0; n < 2; n++) ask()
    const outcomes = [undefined, 'c-0', undefined].map((replaces) => {
      return queue.ask(connectionOf(`c-${made++}`, 'acme', 9, 0, replaces))
    })
    for (let n = 0; n < 2; n++) {
      await store.calls[0]!.answer()
      await turns()
    }
    const said = () => store.calls.map(({ verb, said }) => [verb, (said[1] as Claim[]).map(({ id }) => id)])
    expect(said()).toEqual([
      ['acquire', ['c-3', 'c-5']],
      ['takeover', ['c-4']],
    ])
    expect(store.calls[1]!.said[1]).toMatchObject([{ id: 'c-4', replaces: 'c-0' }])
    expect(queue.size).toBe(3)
    for (const call of [...store.calls]) await call.answer()
    expect(await Promise.all(outcomes)).toMatchObject([
      admitted,
      { ...admitted, verdict: { tookOver: true } },
      admitted,
    ])
    expect([queue.size, await slots()]).toEqual([0, 5])
  })
})

describe('who is asked for, and in which order', () => {
  const asked = () => store.calls.map(({ verb, said }) => [verb, (said[1] as Claim[]).map(({ id }) => id)])

  test.each([
    [
      ['c-9', undefined],
      ['takeover', 'acquire'],
    ],
    [
      [undefined, 'c-9'],
      ['acquire', 'takeover'],
    ],
  ])('the sort of whoever came first goes first: %j', async (replaces, verbs) => {
    for (const old of replaces) void queue.ask(connectionOf(`c-${made++}`, 'acme', 3, 0, old))
    store.holdUp('acquire', 'takeover')
    await reopen()
    expect(asked().map(([verb]) => verb)).toEqual(verbs)
    for (const call of [...store.calls]) await call.answer()
  })

  test('nobody who has left while waiting', async () => {
    const left = new AbortController()
    ask(left.signal)
    ask()
    left.abort()
    store.holdUp('acquire')
    await reopen()
    expect(asked()).toEqual([['acquire', ['c-1']]])
    await store.calls[0]!.answer()
  })
})

describe('what is said of a claim', () => {
  const again = () => store.calls.map(({ said }) => said[2])

  test('that it is asked again, if one of the call was asked before, and not otherwise', async () => {
    const session = await reopen()
    store.holdUp('acquire')
    ask()
    await turns()
    expect(again()).toEqual([{ again: false }])
    store.calls[0]!.giveUp()
    await turns()
    ask()
    await reopen(session)
    expect(again()).toEqual([{ again: true }])
    expect((store.calls[0]!.said[1] as Claim[]).map(({ id }) => id)).toEqual(['c-0', 'c-1'])
  })

  test('who was in a call with somebody who has left is asked for again, where it is not answered', async () => {
    await reopen()
    store.holdUp('acquire')
    // Two calls are under way, so the next two share one.
    for (let n = 0; n < 2; n++) ask()
    const left = new AbortController()
    ask(left.signal)
    ask()
    for (let n = 0; n < 2; n++) {
      await store.calls[0]!.answer()
      await turns()
    }
    left.abort()
    store.calls[0]!.giveUp()
    await reopen()
    expect(store.calls.map(({ said }) => (said[1] as Claim[]).map(({ id }) => id))).toEqual([['c-3']])
  })

  test('nobody is asked for twice at a time: what the old session has in a call waits for that to end', async () => {
    await reopen()
    store.holdUp('acquire')
    ask()
    await turns()
    ask()
    await turns()
    const [first, second] = store.calls
    expect(store.calls).toHaveLength(2)
    first!.giveUp()
    await turns()
    expect(second, 'the session took its other call with it').not.toBe(store.calls[0])
    await reopen()
    expect(store.calls.map(({ said }) => (said[1] as Claim[]).map(({ id }) => id))).toEqual([['c-0', 'c-1']])
  })
})

describe('R1: a store that recovers', () => {
  test('is not one whose lease is dead: who asked waits for the next, and is decided there', async () => {
    await reopen()
    store.holdUp('acquire')
    const asked = ask()
    await turns()
    declareDead(store, sessions.lease)
    await store.calls[0]!.answer()
    await turns()
    expect(asked.outcome).toBeUndefined()
    clock.advance(BUDGET_MS)
    await turns()
    expect(asked.outcome).toMatchObject({ kind: 'unavailable' })
    await nothingKept()
  })

  test('says for how long, and nothing is kept', async () => {
    await reopen()
    store.holdUp('acquire')
    const asked = ask()
    await turns()
    store.inner.tables.recovery = { fromMs: store.inner.tables.clockMs + 700, limitMs: Number.POSITIVE_INFINITY }
    await store.calls[0]!.answer()
    await turns()
    expect(asked.outcome).toMatchObject({ kind: 'recovering', retryAfterMs: 700 })
    await nothingKept()
  })
})

describe('R2: how long one waits for a store that is away', () => {
  test('counts from when it went, not from when it came, nor anew when it is told of once more', async () => {
    await reopen()
    clock.advance(10 * BUDGET_MS)
    queue.close(false)
    const early = ask()
    clock.advance(BUDGET_MS - 1)
    await turns()
    expect(early.outcome).toBeUndefined()
    queue.close(false)
    clock.advance(1)
    await turns()
    expect(early.outcome).toMatchObject({ kind: 'unavailable' })
    const late = ask()
    await turns()
    expect(late.outcome).toMatchObject({ kind: 'unavailable', cause: 'the store is away' })
  })
})
