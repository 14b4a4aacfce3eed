import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Pingable, PingWheel, type Seat } from '../../src/gate/ping-wheel.js'
import { collectedHeapBytes } from '../support/collected-heap.js'
import { ManualClock } from '../support/manual-clock.js'

const TIMEOUT_MS = 30_000
/** One turn of the wheel's timer at this timeout. */
const TICK_MS = 100

/** A peer that writes down what is done to it, and answers pings if it is asked to. */
class Peer implements Pingable {
  seat: Seat | undefined
  heardAtMs: number
  readonly pingsAtMs: number[] = []
  terminatedAtMs: number | undefined
  readonly #clock: ManualClock
  readonly #answers: boolean

  constructor(clock: ManualClock, answers: boolean) {
    this.#clock = clock
    this.#answers = answers
    this.heardAtMs = clock.monotonicMs()
  }

  ping(): void {
    this.pingsAtMs.push(this.#clock.monotonicMs())
    if (this.#answers) this.#clock.after(20, () => this.hear())
  }

  hear(): void {
    this.heardAtMs = this.#clock.monotonicMs()
  }

  terminate(): void {
    this.terminatedAtMs = this.#clock.monotonicMs()
  }
}

function wheelOf(...answers: boolean[]) {
  const clock = new ManualClock(12_345)
  const wheel = new PingWheel(clock, TIMEOUT_MS)
  const peers = answers.map((answer) => new Peer(clock, answer))
  for (const peer of peers) wheel.add(peer)
  return { clock, wheel, peers, startMs: clock.monotonicMs() }
}

/** A peer that writes nothing down. */
function answersAtOnce(clock: ManualClock): Pingable {
  const peer = {
    seat: undefined,
    heardAtMs: clock.monotonicMs(),
    ping: () => {
      peer.heardAtMs = clock.monotonicMs() + 0.001
    },
    terminate: () => {},
  }
  return peer
}

describe('L3: a silent peer is let go within the timeout, a living one never', () => {
  test('a silent peer is pinged once after two thirds of the timeout and terminated before its end', () => {
    const { clock, wheel, peers, startMs } = wheelOf(false)
    clock.advance(TIMEOUT_MS)
    const [peer] = peers
    expect(peer!.pingsAtMs).toHaveLength(1)
    expect(peer!.pingsAtMs[0]! - startMs).toBeGreaterThanOrEqual((TIMEOUT_MS * 2) / 3)
    expect(peer!.pingsAtMs[0]! - startMs).toBeLessThanOrEqual((TIMEOUT_MS * 2) / 3 + 2 * TICK_MS)
    expect(peer!.terminatedAtMs! - startMs).toBeLessThanOrEqual(TIMEOUT_MS)
    expect(peer!.terminatedAtMs! - peer!.pingsAtMs[0]!).toBeGreaterThan(TIMEOUT_MS / 6)
    expect(wheel.size).toBe(0)
  })

  test('one that is asked at once has a quarter of the timeout, and is asked as any other once it has answered', () => {
    const { clock, wheel, startMs } = wheelOf()
    const [silent, living] = [new Peer(clock, false), new Peer(clock, true)]
    for (const peer of [silent, living]) wheel.add(peer, { atOnce: true })
    expect([silent.pingsAtMs, living.pingsAtMs]).toEqual([[startMs], [startMs]])
    clock.advance(TIMEOUT_MS / 5)
    expect(silent.terminatedAtMs).toBeUndefined()
    clock.advance(TIMEOUT_MS / 4 - TIMEOUT_MS / 5)
    expect(silent.terminatedAtMs! - startMs).toBeLessThanOrEqual(TIMEOUT_MS / 4)
    expect([silent.pingsAtMs.length, wheel.size]).toEqual([1, 1])
    clock.advance(10 * TIMEOUT_MS)
    expect(living.terminatedAtMs).toBeUndefined()
    const pauses = living.pingsAtMs.slice(1).map((atMs, i) => atMs - living.pingsAtMs[i]!)
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual((TIMEOUT_MS * 2) / 3)
  })

  test('a peer that answers its pings stays for hours and costs one ping in two thirds of the timeout', () => {
    const { clock, peers } = wheelOf(true)
    clock.advance(4 * 3_600_000)
    expect(peers[0]!.terminatedAtMs).toBeUndefined()
    expect(peers[0]!.pingsAtMs.length).toBeGreaterThan(700)
    expect(peers[0]!.pingsAtMs.length).toBeLessThanOrEqual(720)
  })

  test('a peer that speaks by itself is never pinged', () => {
    const { clock, peers } = wheelOf(false)
    for (let spoken = 0; spoken < 100; spoken++) {
      clock.advance(15_000)
      peers[0]!.hear()
    }
    expect(peers[0]!.pingsAtMs).toEqual([])
    expect(peers[0]!.terminatedAtMs).toBeUndefined()
  })

  test('a peer that falls silent after a long life is terminated within the timeout of its last word', () => {
    const { clock, peers } = wheelOf(false)
    clock.advance(14_321)
    peers[0]!.hear()
    const lastWordMs = clock.monotonicMs()
    clock.advance(TIMEOUT_MS)
    expect(peers[0]!.terminatedAtMs! - lastWordMs).toBeLessThanOrEqual(TIMEOUT_MS)
    expect(peers[0]!.terminatedAtMs! - lastWordMs).toBeGreaterThan((TIMEOUT_MS * 2) / 3)
  })
})

describe('one timer, bounded work', () => {
  test('there is one timer however many members, and none without members', () => {
    const clock = new ManualClock()
    const wheel = new PingWheel(clock, TIMEOUT_MS)
    expect(clock.pending).toBe(0)
    const peers = Array.from({ length: 1_000 }, () => new Peer(clock, false))
    for (const peer of peers) wheel.add(peer)
    expect(clock.pending).toBe(1)
    clock.advance(1_000)
    expect(clock.pending).toBe(1)
    for (const peer of peers) wheel.remove(peer)
    expect(clock.pending).toBe(0)
    expect(wheel.size).toBe(0)
    clock.advance(TIMEOUT_MS)
    expect(peers.every((peer) => peer.terminatedAtMs === undefined && peer.pingsAtMs.length === 0)).toBe(true)
  })

  test('10,000 that came at one instant are pinged apart, and if all are dead, all go within the timeout', () => {
    const { clock, peers, startMs } = wheelOf(...Array.from({ length: 10_000 }, () => false))
    clock.advance(TIMEOUT_MS)
    const perTick = new Map<number, number>()
    for (const { pingsAtMs } of peers) perTick.set(pingsAtMs[0]!, (perTick.get(pingsAtMs[0]!) ?? 0) + 1)
    expect(Math.max(...perTick.values())).toBeLessThanOrEqual(700)
    expect(Math.max(...peers.map((peer) => peer.terminatedAtMs! - startMs))).toBeLessThanOrEqual(TIMEOUT_MS)
    expect(clock.pending).toBe(0)
  })

  test('10,000 living ones among which half are dead: exactly the dead go', () => {
    const { clock, wheel, peers } = wheelOf(...Array.from({ length: 10_000 }, (_, index) => index % 2 === 0))
    clock.advance(5 * TIMEOUT_MS)
    expect(peers.filter((peer) => peer.terminatedAtMs === undefined).length).toBe(5_000)
    expect(wheel.size).toBe(5_000)
    wheel.stop()
    expect(clock.pending).toBe(0)
  })

  test('a slot does not keep the room that a crowd once took there', () => {
    const clock = new ManualClock()
    const wheel = new PingWheel(clock, TIMEOUT_MS)
    for (let n = 0; n < 10_000; n++) wheel.add(answersAtOnce(clock))
    clock.advance(2 * TIMEOUT_MS)
    const before = collectedHeapBytes()
    // Time enough for each of the 300 slots to have held hundreds of them once.
    clock.advance(40 * TIMEOUT_MS)
    expect(collectedHeapBytes() - before).toBeLessThan(500_000)
    wheel.stop()
  })

  test('removing members while the wheel turns, also from within terminate, disturbs nobody else', () => {
    const { clock, wheel, peers } = wheelOf(false, true, false)
    const [first, living, last] = peers
    first!.terminate = () => {
      first!.terminatedAtMs = clock.monotonicMs()
      wheel.remove(first!)
      wheel.remove(last!)
    }
    clock.advance(TIMEOUT_MS)
    expect(first!.terminatedAtMs).toBeDefined()
    expect(last!.terminatedAtMs).toBeUndefined()
    expect(living!.terminatedAtMs).toBeUndefined()
    expect(wheel.size).toBe(1)
  })
})

test('where a ping throws, the wheel turns on for the others', () => {
  const { clock, wheel, peers } = wheelOf(false, false)
  const [brittle, other] = peers
  brittle!.ping = () => {
    throw new Error('a bug in a WebSocket of somebody’s own')
  }
  const failures: unknown[] = []
  for (let passedMs = 0; passedMs < TIMEOUT_MS; passedMs += TICK_MS) {
    try {
      clock.advance(TICK_MS)
    } catch (error) {
      failures.push(error)
    }
  }
  expect(failures).toHaveLength(1)
  expect(other!.terminatedAtMs).toBeDefined()
  expect([wheel.size, clock.pending]).toEqual([0, 0])
})

describe('whatever comes, goes and speaks', () => {
  const [PEERS, STEP_MS] = [60, 2_000]
  const nth = fc.nat(PEERS - 1)
  const step = fc.record({
    does: fc.constantFrom('come', 'go', 'speak', 'come', 'speak'),
    nth,
    waitsMs: fc.nat(STEP_MS),
  })

  test('exactly those go who were silent for the timeout, and in time', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 200, maxLength: 400, size: 'max' }), (steps) => {
        const clock = new ManualClock(7)
        const wheel = new PingWheel(clock, TIMEOUT_MS)
        const peers = Array.from({ length: PEERS }, (_, n) => new Peer(clock, n % 3 === 0))
        const inside = new Set<Peer>()
        const look = () => {
          for (const peer of inside) if (peer.terminatedAtMs !== undefined) inside.delete(peer)
          expect(wheel.size).toBe(inside.size)
          for (const peer of inside) expect(clock.monotonicMs() - peer.heardAtMs).toBeLessThanOrEqual(TIMEOUT_MS)
        }
        for (const { does, nth, waitsMs } of steps) {
          const peer = peers[nth]!
          if (does === 'come' && !inside.has(peer) && peer.terminatedAtMs === undefined) {
            peer.hear()
            wheel.add(peer)
            inside.add(peer)
          } else if (does === 'go') {
            wheel.remove(peer)
            inside.delete(peer)
          } else if (does === 'speak' && inside.has(peer)) {
            peer.hear()
          }
          clock.advance(waitsMs)
          look()
        }
        for (const peer of peers) {
          if (peer.terminatedAtMs === undefined) continue
          expect(peer.pingsAtMs.length).toBeGreaterThan(0)
          expect(peer.terminatedAtMs - peer.heardAtMs).toBeGreaterThan((TIMEOUT_MS * 2) / 3)
        }
        clock.advance(2 * TIMEOUT_MS)
        look()
        expect(peers.filter((peer, n) => n % 3 === 0 && peer.terminatedAtMs !== undefined)).toEqual([])
        expect([...inside].every((peer) => peers.indexOf(peer) % 3 === 0)).toBe(true)
      }),
      { numRuns: 30 },
    )
  })
})

describe('a pause of this process proves nothing about its peers', () => {
  test.each([5_000, 25_000, 60_000, 86_400_000])('after a pause of %i ms nobody living is terminated', (pauseMs) => {
    const { clock, peers } = wheelOf(...Array.from({ length: 100 }, () => true))
    clock.advance(19_000)
    clock.freeze(pauseMs)
    clock.advance(2 * TIMEOUT_MS)
    expect(peers.filter((peer) => peer.terminatedAtMs !== undefined)).toEqual([])
  })

  test.each([25_000, 60_000, 86_400_000])('after a pause of %i ms the silent go within the timeout', (pauseMs) => {
    const { clock, peers } = wheelOf(...Array.from({ length: 100 }, (_, index) => index % 2 === 0))
    clock.advance(7_000)
    clock.freeze(pauseMs)
    clock.advance(TIMEOUT_MS + 2 * TICK_MS)
    expect(peers.filter((peer) => peer.terminatedAtMs !== undefined)).toHaveLength(50)
  })

  test('a pause right after the pings leaves the peers their time to answer', () => {
    const { clock, peers } = wheelOf(false)
    clock.advance(20_500)
    expect(peers[0]!.pingsAtMs).toHaveLength(1)
    clock.freeze(20_000)
    clock.advance(TICK_MS)
    expect(peers[0]!.terminatedAtMs).toBeUndefined()
    peers[0]!.hear()
    clock.advance(15_000)
    expect(peers[0]!.terminatedAtMs).toBeUndefined()
  })
})
