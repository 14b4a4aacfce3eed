import type { Asker } from '../../core/admission.js'
import { type Clock, sleep } from '../../core/clock.js'
import type { ScopeClaim } from '../../store/lease-store.js'
import type { HeldConnection } from '../held/held-connection.js'
import type { HeldConnections } from '../held/held-connections.js'
import type { FarProbes } from '../probing/far-probes.js'
import type { Prober } from '../probing/prober.js'
import { Waiter } from '../probing/waiter.js'
import type { WaitingRoom } from '../probing/waiting-room.js'
import type { AdmissionOutcome, AdmissionQueue } from '../queues/admission-queue.js'
import { fullScope } from './denial.js'

/**
 * So soon is asked again: at first because the old connection of an instance often is just being closed by its own
 * client, and then ever more rarely while another node looks whether it is still there.
 */
const [FIRST_AGAIN_MS, LAST_AGAIN_MS] = [25, 250]
/** So long after it should have looked the slot may still come free, and so long one that is being given back. */
const SLACK_MS = 500
/** With all that comes before and after, an upgrade is answered within its 3 s (L6). */
const PATIENCE_MS = 2_250

/** What was asked last, and what came of it. */
export interface SlotAttempt {
  readonly connection: HeldConnection
  readonly outcome: AdmissionOutcome
}

interface AttemptsParts {
  readonly clock: Clock
  readonly held: HeldConnections
  readonly admissions: Pick<AdmissionQueue, 'ask'>
  readonly room: WaitingRoom
  readonly probing: { readonly near: Pick<Prober, 'frees'>; readonly far: Pick<FarProbes, 'doneInMs'> }
  /** Whether the node still admits anybody. */
  readonly admits: () => boolean
}

/**
 * Asks again for a slot where a limit is full, if somebody who only seemed to be there has gone (L3).
 *
 * A full scope is looked at for peers that were silent for long. Besides, whatever is full, the old connection of an
 * instance that comes back is asked at once whether it is still there: it may be what fills the limit. Here that is
 * over with its answer. On another node it takes as long as that node needs to hear of it and the peer to answer; this
 * waits for it, and asks again meanwhile, because nobody tells it when the slot is free.
 */
export class Attempts {
  readonly #parts: AttemptsParts

  constructor(parts: AttemptsParts) {
    this.#parts = parts
  }

  /** Every attempt after the first is a connection of its own, made by `another`: one of before may yet be let go. */
  async goOn(first: SlotAttempt, another: () => HeldConnection, signal?: Asker): Promise<SlotAttempt> {
    const { admissions, room } = this.#parts
    const full = fullIn(first)
    if (!full) return first
    const attempt = async () => {
      const connection = another()
      return { connection, outcome: await admissions.ask(connection, signal) }
    }
    const waiter = new Waiter(room, first.connection, signal)
    try {
      return await this.#wait(waiter, full, first, attempt)
    } finally {
      waiter.leave()
    }
  }

  async #wait(
    waiter: Waiter,
    full: ScopeClaim,
    first: SlotAttempt,
    attempt: () => Promise<SlotAttempt>,
  ): Promise<SlotAttempt> {
    const { admits } = this.#parts
    const { instance, sinceMs } = first.connection
    const [isFreed, hopeUntilMs] = await Promise.all([
      this.#frees(instance && instance !== full ? [full, instance] : [full], waiter),
      instance && this.#hopeUntilMs(instance, full, waiter.org),
    ])
    const last = (isFreed || waiter.signal?.aborted) && admits() ? await attempt() : first
    return hopeUntilMs === undefined
      ? last
      : this.#again(waiter, last, attempt, Math.min(hopeUntilMs, sinceMs + PATIENCE_MS))
  }

  async #frees(scopes: readonly ScopeClaim[], waiter: Waiter): Promise<boolean> {
    const { near } = this.#parts.probing
    return (await Promise.all(scopes.map((scope) => near.frees(scope, waiter)))).includes(true)
  }

  /** Until when the old connection of an instance may yet make room; `undefined` where it is here, or there is none. */
  async #hopeUntilMs(instance: ScopeClaim, full: ScopeClaim, org: string): Promise<number | undefined> {
    const { clock, held, probing } = this.#parts
    const isElsewhere = full === instance && held.heldIn(instance) === 0
    const lookedInMs = await probing.far.doneInMs(instance, org, isElsewhere)
    if (lookedInMs !== undefined) return clock.monotonicMs() + lookedInMs + SLACK_MS
    const [staying] = held.in(instance)
    // Its slot was taken a moment ago, and nobody is left to ask: it is being given back.
    return full === instance && !staying ? clock.monotonicMs() + SLACK_MS : undefined
  }

  async #again(
    waiter: Waiter,
    first: SlotAttempt,
    attempt: () => Promise<SlotAttempt>,
    endMs: number,
  ): Promise<SlotAttempt> {
    const { clock, admits } = this.#parts
    let last = first
    for (let pauseMs = FIRST_AGAIN_MS; fullIn(last) && clock.monotonicMs() < endMs; pauseMs *= 2) {
      if (!waiter.mayWait()) break
      await sleep(clock, Math.min(pauseMs, LAST_AGAIN_MS), waiter.signal)
      if (!admits()) break
      last = await attempt()
    }
    return last
  }
}

function fullIn({ connection, outcome }: SlotAttempt): ScopeClaim | undefined {
  return fullScope(outcome, connection.claim)
}
