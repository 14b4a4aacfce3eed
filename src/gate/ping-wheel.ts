import type { Clock } from '../core/clock.js'
import { Bag, type Bagged } from '../core/structures/bag.js'

/** What the wheel needs of an open connection. */
export interface Pingable {
  /** When the peer last sent anything, on the monotonic clock. */
  readonly heardAtMs: number
  ping(): void
  /** Ends the connection without waiting for the peer. */
  terminate(): void
  /** Where it stands in the wheel, which sets it; `undefined` where it is in none. */
  seat: Seat | undefined
}

export interface Seat extends Bagged {
  readonly member: Pingable
  /** The tick of the next look, counted from the clock's beginning; its slot is this modulo the number of slots. */
  tick: number
  /** When the ping was sent that has not been answered yet. */
  pingedAtMs: number | undefined
}

/** The shares of the timeout: two thirds of silence, then a ping, spread over a tenth; the rest to answer it. */
const PING_AFTER = 2 / 3
const SPREAD = 1 / 10
const TICKS_PER_TIMEOUT = 300
const MIN_TICK_MS = 10
/** Stands for the timer while its task runs. */
const turning = () => {}
/** So few are looked at in one tick without a thought. */
const MIN_BUDGET = 32

/**
 * Finds out which peers are still there (L3): pings each after two thirds of the timeout of silence, and terminates it
 * before the timeout if it stays silent. One timer for all connections, and none while there are none.
 *
 * A member stands in the slot of the tick at which it must be looked at next; the wheel turns one slot a tick. A look
 * either moves the member to a later slot, or pings it, or ends it. Members that came at one instant would all be
 * pinged in one tick and stall the loop, so a tick has a budget and leaves the rest to the next one; their answers then
 * come apart, and with them the next pings. After the ping a member has a set time to answer, whenever it was its turn.
 *
 * Time in which this process was not running proves nothing about its peers: after a late tick all silence counts
 * from then.
 */
export class PingWheel {
  readonly #clock: Clock
  readonly #tickMs: number
  readonly #pingAfterMs: number
  readonly #spreadTicks: number
  readonly #answerMs: number
  readonly #slots: Bag<Seat>[]
  #size = 0
  /** The tick that is worked off next. */
  #position = 0
  #budget = 0
  #lastTickAtMs = 0
  #awakeSinceMs = Number.NEGATIVE_INFINITY
  #cancel: (() => void) | undefined

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#tickMs = Math.max(MIN_TICK_MS, timeoutMs / TICKS_PER_TIMEOUT)
    this.#pingAfterMs = timeoutMs * PING_AFTER
    this.#spreadTicks = Math.max(1, Math.floor((timeoutMs * SPREAD) / this.#tickMs))
    // The two ticks are what rounding up to a tick may cost, once for the ping and once for the end.
    this.#answerMs = timeoutMs * (1 - PING_AFTER - SPREAD) - 2 * this.#tickMs
    this.#slots = Array.from({ length: Math.ceil(timeoutMs / this.#tickMs) + 1 }, () => new Bag<Seat>())
  }

  get size(): number {
    return this.#size
  }

  /** With `atOnce` it is pinged now, because it may not be there any more: if so, it is gone within a quarter of the timeout. */
  add(member: Pingable, { atOnce = false } = {}): void {
    if (member.seat !== undefined) return
    if (this.#cancel === undefined) this.#start()
    this.#size++
    member.seat = { member, tick: 0, place: 0, pingedAtMs: undefined }
    if (atOnce) this.#ping(member.seat, this.#clock.monotonicMs())
    else this.#put(member.seat, member.heardAtMs + this.#pingAfterMs)
  }

  remove(member: Pingable): void {
    if (member.seat === undefined) return
    this.#slotAt(member.seat.tick).remove(member.seat)
    this.#leave(member)
    // The slots are empty then: clearing all of them at each departure would cost a node that is nearly idle the most.
    if (this.#size === 0) this.#rest()
  }

  /** Whether nothing was heard of a peer for so long that it is pinged, or has not answered its ping. */
  isSilent({ heardAtMs }: Pingable): boolean {
    return this.#clock.monotonicMs() - Math.max(heardAtMs, this.#awakeSinceMs) > this.#pingAfterMs
  }

  /** Forgets everybody and stops the timer. */
  stop(): void {
    this.#rest()
    for (const slot of this.#slots) for (const { member } of [...slot.members]) this.remove(member)
  }

  #rest(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #start(): void {
    this.#lastTickAtMs = this.#clock.monotonicMs()
    this.#position = Math.floor(this.#lastTickAtMs / this.#tickMs)
    this.#schedule()
  }

  #schedule(): void {
    this.#cancel = this.#clock.after(this.#tickMs, () => this.#tick())
  }

  #tick(): void {
    const nowMs = this.#clock.monotonicMs()
    // Overslept by more than the spread: answers may lie unread in the kernel, and nobody may be judged before they
    // are.
    if (nowMs - this.#lastTickAtMs > this.#spreadTicks * this.#tickMs + this.#tickMs) this.#awakeSinceMs = nowMs
    this.#lastTickAtMs = nowMs
    this.#cancel = turning
    try {
      this.#turn(nowMs)
    } finally {
      if (this.#cancel === turning) this.#cancel = undefined
      if (this.#size > 0 && this.#cancel === undefined) this.#schedule()
    }
  }

  #turn(nowMs: number): void {
    const nowTick = Math.floor(nowMs / this.#tickMs)
    // Twice what an even spread would take, so that a full slot is worked off within the spread beside the others. It
    // shrinks slowly: those that go first must not take the time of the rest with them.
    this.#budget = Math.max(MIN_BUDGET, Math.ceil((2 * this.#size) / this.#spreadTicks), this.#budget - 1)
    let budget = this.#budget
    this.#position = Math.max(this.#position, nowTick - this.#slots.length + 1)
    for (; this.#position <= nowTick; this.#position++) {
      const { members } = this.#slotAt(this.#position)
      for (let place = members.length - 1; place >= 0; place--) {
        const seat = members[place]
        // A wheel that has much to catch up meets members whose turn is only in the next round.
        if (seat === undefined || seat.tick > this.#position) continue
        if (budget-- === 0) return
        this.#look(seat, nowMs)
      }
      // V8 need not shrink an array that empties: in time each slot would keep the room of the largest crowd it has
      // met.
      if (members.length === 0) this.#slots[this.#position % this.#slots.length] = new Bag()
    }
  }

  #look(seat: Seat, nowMs: number): void {
    const { member } = seat
    this.#slotAt(seat.tick).remove(seat)
    // At the moment itself nothing can have come back: then it was the opening that was heard.
    const answered = seat.pingedAtMs === undefined || member.heardAtMs > seat.pingedAtMs
    if (answered) seat.pingedAtMs = undefined
    const quietSinceMs = Math.max(seat.pingedAtMs ?? member.heardAtMs, this.#awakeSinceMs)
    const dueMs = quietSinceMs + (answered ? this.#pingAfterMs : this.#answerMs)
    if (nowMs < dueMs) {
      this.#put(seat, dueMs)
    } else if (answered) {
      this.#ping(seat, nowMs)
    } else {
      this.#leave(member)
      member.terminate()
    }
  }

  #ping(seat: Seat, nowMs: number): void {
    seat.pingedAtMs = nowMs
    this.#put(seat, nowMs + this.#answerMs)
    seat.member.ping()
  }

  #leave(member: Pingable): void {
    this.#size--
    member.seat = undefined
  }

  #put(seat: Seat, dueMs: number): void {
    seat.tick = Math.max(this.#position + 1, Math.ceil(dueMs / this.#tickMs))
    this.#slotAt(seat.tick).add(seat)
  }

  #slotAt(tick: number): Bag<Seat> {
    return this.#slots[tick % this.#slots.length]!
  }
}
