import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Dice } from '../dice.js'
import type { Log } from '../log.js'
import type { Leave } from '../records.js'
import { type Connection, knock, type Outcome, type Ticket } from './attempt.js'
import { type Habit, habits, habitsWithInstances } from './habits.js'
import { slowLoris } from './slow-loris.js'

export interface CrowdOptions {
  readonly log: Log
  readonly seed: number
  readonly size: number
  readonly orgs: readonly string[]
  /** Where each node is reached, by its number. */
  readonly urls: readonly string[]
  /** Whether some of them name their instance. */
  readonly instances: boolean
}

const PING_EVERY_MS = 1_000
/** Nobody waits longer between attempts, so that somebody always waits for a slot that comes free. */
const LONGEST_BACKOFF_MS = 8_000
const SLOW_LORISES = 6
/** Longer than any pong timeout in use: by then the server has let a silent client go. */
const SILENT_FOR_MS = 45_000

/** All clients of a run. Each belongs to an org, has habits of its own, and takes any node for each attempt. */
export class Crowd {
  readonly #options: CrowdOptions
  readonly #open = new Set<Connection>()
  readonly #mute = new Set<Connection>()
  readonly #stop = new AbortController()
  readonly #leave = new AbortController()
  readonly #loops: Promise<void>[] = []
  #pings: NodeJS.Timeout | undefined

  constructor(options: CrowdOptions) {
    this.#options = options
  }

  start(): void {
    const { seed, size, urls, instances } = this.#options
    // Every client listens; that many are meant.
    setMaxListeners(0, this.#stop.signal, this.#leave.signal)
    this.#pings = setInterval(() => this.#pingAll(), PING_EVERY_MS)
    for (let i = 0; i < size; i++) {
      const dice = new Dice(seed * 10_007 + i)
      const habit = instances ? habitsWithInstances(dice) : habits(dice)
      this.#loops.push(this.#live(i, habit, dice))
    }
    for (let i = 0; i < SLOW_LORISES; i++) {
      const dice = new Dice(seed * 20_011 + i)
      this.#loops.push(slowLoris(urls, dice, this.#stop.signal))
    }
  }

  /** The ids of the connections that are open and answer. */
  get heldIds(): string[] {
    return [...this.#open].map(({ id }) => id)
  }

  /** Nobody knocks any more; who has a connection keeps it, and who has fallen silent goes away. */
  stopKnocking(): void {
    this.#stop.abort()
  }

  /** Everybody closes; resolves when all are gone. */
  async leave(): Promise<void> {
    this.stopKnocking()
    this.#leave.abort()
    // Their list grows while they end.
    for (const loop of this.#loops) await loop
    clearInterval(this.#pings)
  }

  async #live(client: number, habit: Habit, dice: Dice): Promise<void> {
    const { log, orgs, urls } = this.#options
    const org = orgs[client % orgs.length]!
    const instance = habit.instance === 'own' ? `instance-${client}` : habit.instance
    let kept: Connection | undefined
    let ticket: Ticket | undefined
    await this.#wait(dice.between(0, 3_000))
    for (let failures = 0; !this.#stop.signal.aborted; ) {
      const node = dice.whole(0, urls.length - 1)
      const resetAfterMs = habit.resets ? dice.between(0, 40) : undefined
      const loses = ticket && dice.roll() < (habit.resumes?.loses ?? 0)
      const outcome = await knock({
        log,
        org,
        node,
        url: urls[node]!,
        by: habit.name,
        resumes: ticket,
        instance,
        ...(resetAfterMs !== undefined && { resetAfterMs }),
        ...(loses && { loses: { givesUpAfterMs: dice.between(200, 4_000), gone: this.#wait(SILENT_FOR_MS) } }),
      })
      if (outcome.kind === 'opened') {
        if (kept) this.#seeOff(kept)
        ticket = habit.resumes && outcome.connection.ticket
        kept = await this.#hold(outcome.connection, habit, dice)
      }
      failures = outcome.kind === 'opened' ? 0 : failures + 1
      await this.#wait(pauseMs(outcome, habit, failures, dice))
    }
    if (!kept) return
    await Promise.race([kept.closed, this.#bored(kept, Number.POSITIVE_INFINITY, this.#leave.signal)])
    await this.#part(kept, 'close')
  }

  /** Holds it for its life. What is to be handed over stays open, and is returned. */
  async #hold(connection: Connection, habit: Habit, dice: Dice): Promise<Connection | undefined> {
    this.#open.add(connection)
    if (habit.readsNothing) {
      connection.stopReading()
      this.#mute.add(connection)
    }
    const gone = connection.closed.finally(() => this.#open.delete(connection))
    const life = AbortSignal.any([
      this.#leave.signal,
      AbortSignal.timeout(Math.ceil(dice.exponential(habit.meanLifeMs))),
    ])
    const bored = this.#bored(connection, habit.patienceMs, life)
    await Promise.race([gone, bored])
    const patient = this.#options.log.nowMs() - connection.provenMs() < habit.patienceMs
    if (habit.resumes?.early && patient && !this.#leave.signal.aborted) return connection
    const ending = this.#leave.signal.aborted && habit.leave === 'silence'
    const parted = this.#part(connection, ending ? 'reset' : patient ? habit.leave : 'impatience')
    // Who can say who it is comes back without waiting for the end of what it has left behind.
    if (habit.resumes || habit.instance) this.#loops.push(parted)
    else await parted
    return undefined
  }

  /** Resolves when it is gone; who falls silent resets it in the end. */
  async #part(connection: Connection, how: Leave): Promise<void> {
    this.#mute.delete(connection)
    this.#open.delete(connection)
    connection.leave(how)
    if (how === 'silence') {
      await Promise.race([connection.closed, this.#wait(SILENT_FOR_MS)])
      connection.leave('reset')
    }
    await connection.closed
  }

  /** Its slot is another's now, and its server is to close it. */
  #seeOff(connection: Connection): void {
    this.#open.delete(connection)
    const waited = Promise.race([connection.closed, this.#wait(SILENT_FOR_MS)])
    this.#loops.push(waited.then(() => this.#part(connection, 'reset')))
  }

  /** Resolves when the connection's life is over, or when its server has been silent for too long. */
  async #bored(connection: Connection, patienceMs: number, life: AbortSignal): Promise<void> {
    while (!life.aborted && this.#options.log.nowMs() - connection.provenMs() < patienceMs) {
      await sleep(500, undefined, { signal: life }).catch(() => {})
    }
  }

  #pingAll(): void {
    for (const connection of this.#open) {
      if (this.#mute.has(connection)) connection.say('still here')
      else connection.ping()
    }
  }

  async #wait(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => {})
  }
}

/** How long a client waits before it knocks again: as asked, and with backoff and jitter, if it obeys. */
function pauseMs(outcome: Outcome, habit: Habit, failures: number, dice: Dice): number {
  if (habit.hammersEveryMs !== undefined) return dice.between(0, 2 * habit.hammersEveryMs)
  if (outcome.kind === 'opened') return dice.between(50, 1_500)
  const backoffMs = dice.roll() * Math.min(LONGEST_BACKOFF_MS, 1_000 * 2 ** Math.min(failures, 6))
  return Math.max(backoffMs, outcome.kind === 'refused' ? outcome.retryAfterMs : 0)
}
