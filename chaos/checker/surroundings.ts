import type { ChaosRecord, Effect, Terms } from '../records.js'
import { type Window, windowsOf } from './windows.js'

/** A time in which a node was away, and from when to when that has consequences. */
interface Absence {
  readonly beginMs: number
  readonly endMs: number
  readonly fromMs: number
  readonly untilMs: number
}

/** One after which the store may not count what the node holds: `forGood` where the node may keep it all the same. */
interface Untold extends Absence {
  readonly forGood: boolean
}

/** What one process may be late by on a machine that does other things too, besides what it measured of itself. */
const MACHINE_SLACK_MS = 500

/** What was done to the cluster, and when; and how far the clients' own times can be trusted. */
export class Surroundings {
  readonly terms: Terms
  readonly windows: readonly Window[]
  readonly #records: readonly ChaosRecord[]
  readonly #lags: readonly { readonly t: number; readonly ms: number }[]
  readonly #faults: readonly { readonly name: string; readonly beginMs: number }[]
  readonly #ofOrgs = new Map<string, Surroundings>()

  constructor(records: readonly ChaosRecord[], terms: Terms, windows: readonly Window[] = windowsOf(records)) {
    this.terms = terms
    this.windows = windows
    this.#records = records
    this.#lags = records.flatMap((record) => (record.is === 'lag' ? [record] : []))
    this.#faults = records.flatMap((record) =>
      record.is === 'fault' && record.phase === 'begin' ? [{ name: record.name, beginMs: record.t }] : [],
    )
  }

  /** As an org has them: what was done to the part of a store that keeps others is no excuse where it is concerned. */
  of(org: string): Surroundings {
    let own = this.#ofOrgs.get(org)
    if (!own) {
      const windows = this.windows.filter(({ orgs }) => orgs === undefined || orgs.has(org))
      own = windows.length === this.windows.length ? this : new Surroundings(this.#records, this.terms, windows)
      this.#ofOrgs.set(org, own)
    }
    return own
  }

  /** Windows of these effects that concern the node and have anything in common with the time. */
  during(effects: readonly Effect[], node: number | undefined, fromMs: number, untilMs: number): Window[] {
    return this.windows.filter(
      (window) =>
        effects.includes(window.effect) &&
        (window.node === undefined || node === undefined || window.node === node) &&
        window.beginMs <= untilMs &&
        window.endMs >= fromMs,
    )
  }

  /** Whether something is done to a part of the store then, or was just before, that does not keep this org. */
  isElsewhere(org: string, t: number): boolean {
    return this.windows.some(
      ({ orgs, beginMs, endMs }) => orgs?.has(org) === false && beginMs <= t && t <= endMs + this.comebackMs,
    )
  }

  /** How much later than the promise says something may have been seen at `t`. */
  slackMs(t: number): number {
    const near = this.#lags.filter((lag) => lag.t > t - 3_500 && lag.t - lag.ms < t + 100)
    return MACHINE_SLACK_MS + Math.max(0, ...near.map(({ ms }) => ms))
  }

  /** The fault that was last begun; what is seen before the next one is put down to it. */
  faultAt(t: number): string {
    return this.#faults.findLast(({ beginMs }) => beginMs <= t)?.name ?? 'no fault yet'
  }

  get faultCounts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const { name } of this.#faults) counts.set(name, (counts.get(name) ?? 0) + 1)
    return counts
  }

  /**
   * How long a node may take to work again once it can reach the store: its backoff is never longer than R, with ten
   * per cent of jitter; then it says hello and asks.
   */
  get comebackMs(): number {
    return this.terms.renewIntervalMs * 1.1 + 2 * this.terms.callTimeoutMs
  }

  /**
   * Until when a store that lost its memory may make newcomers wait: T + R once it is back, and the way to it. The wait is
   * measured on the store's clock, which stands still while nobody gets an answer from it.
   */
  recoveredMs(lost: Window): number {
    let untilMs = lost.endMs + this.terms.ttlMs + this.terms.renewIntervalMs + this.comebackMs
    // They come in the order of their beginnings.
    for (const { effect, beginMs, endMs } of this.windows) {
      if (effect === 'store-away' && beginMs >= lost.endMs && beginMs <= untilMs) untilMs += endMs - beginMs
    }
    return untilMs
  }

  /** Whether newcomers may be waiting for a store that lost its memory, at some moment of this time. */
  isRecovering(fromMs: number, untilMs: number): boolean {
    return this.during(['store-lost'], undefined, 0, untilMs).some((lost) => this.recoveredMs(lost) >= fromMs)
  }

  /** After its last renewal a dead node's slots are free within T and the next renewal of another. */
  get deathMs(): number {
    return this.terms.ttlMs + this.terms.renewIntervalMs * 1.1 + this.terms.callTimeoutMs
  }

  /**
   * The times in which a node may be without its lease (R5): it was frozen or cut off, alone, for so long that others may
   * have declared it dead, and has not yet had the time to rejoin.
   */
  leaselessOf(node: number): Absence[] {
    return this.#absences(node, ({ beginMs }) => this.#lapsedMs(beginMs))
  }

  /** Whether nodes close what they hold once they do not trust their lease. */
  get closes(): boolean {
    return this.terms.onLeaseLost === 'close'
  }

  /** The most by which one call may advance the store's clock. */
  get clockStepMs(): number {
    const { renewIntervalMs } = this.terms
    return renewIntervalMs + Math.min(500, renewIntervalMs)
  }

  /** D: how long a node trusts its lease after it sent the last renewal that was answered. */
  get trustMs(): number {
    return this.terms.ttlMs * (1 - 1 / 30) - this.clockStepMs
  }

  /** How long a store that lost its memory makes newcomers wait at least (R1), of which a step of its clock may be a part. */
  get leastRecoveryMs(): number {
    return this.closes ? this.terms.ttlMs - this.clockStepMs : 2 * this.terms.renewIntervalMs
  }

  /**
   * The times in which the store may not count what a node holds: it is without its lease (R5); or it was away while a
   * store that had lost its memory recovered, which waits for those alone that have said hello (R1). Nodes that close
   * what they hold in time have this excuse only while they do not run.
   */
  untoldOf(node: number): Untold[] {
    const untold = this.#absences(node, ({ beginMs, endMs }) => {
      const lost = this.during(['store-lost'], undefined, beginMs - this.comebackMs, endMs)
      return Math.min(this.#lapsedMs(beginMs), ...lost.map((loss) => loss.endMs + this.comebackMs))
    })
    if (!this.closes) {
      return untold.map((one) => {
        // It had had no time to tell the new store of its own before it was gone.
        const lost = this.during(['store-lost'], undefined, one.beginMs - this.comebackMs, one.untilMs)
        return { ...one, forGood: lost.length > 0 }
      })
    }
    return untold.flatMap(({ fromMs, ...one }) =>
      this.during(['paused'], node, fromMs, one.endMs).map(({ beginMs, endMs }) => {
        return { ...one, fromMs: Math.max(fromMs, beginMs), untilMs: endMs + this.slackMs(endMs), forGood: false }
      }),
    )
  }

  /**
   * Whether a node that closes what it holds once it does not trust its lease may have done so at this moment, because it
   * was without the store: it closes when it runs again, or at the end of D.
   */
  mayHaveDistrusted(node: number, t: number): boolean {
    const { renewIntervalMs, callTimeoutMs } = this.terms
    const sinceMs = this.trustMs - renewIntervalMs * 1.1 - callTimeoutMs - MACHINE_SLACK_MS
    return (
      this.closes &&
      this.#merged(node, ['paused', 'cut-off', 'store-away']).some(
        ({ beginMs, endMs }) => t >= beginMs + sinceMs && t <= endMs + this.comebackMs + this.slackMs(t),
      )
    )
  }

  /**
   * Whether a node may be telling the store of its connections at some moment of this time, because it was without its
   * lease. It hears of that loss from the store alone: so not before an absence is over, nor when it must be back.
   */
  isRejoining(node: number, fromMs: number, untilMs: number): boolean {
    const ends = this.#absencesOf(node).map(({ endMs }) => endMs)
    return this.leaselessOf(node).some((leaseless) =>
      ends.some(
        (endMs) =>
          endMs >= leaseless.fromMs && endMs <= Math.min(leaseless.untilMs, untilMs) && this.#backMs(endMs) >= fromMs,
      ),
    )
  }

  #absencesOf(node: number, effects: readonly Effect[] = ['paused', 'cut-off']): Window[] {
    return this.during(effects, node, 0, Number.POSITIVE_INFINITY)
  }

  /** When others may have declared a node dead that has been away since then. */
  #lapsedMs(awaySinceMs: number): number {
    const { ttlMs, renewIntervalMs } = this.terms
    return awaySinceMs + ttlMs - renewIntervalMs * 1.1 - MACHINE_SLACK_MS
  }

  /** Its absences that have consequences, which begin at `fromOf`. */
  #absences(node: number, fromOf: (absence: { beginMs: number; endMs: number }) => number): Absence[] {
    return this.#merged(node)
      .map((absence) => ({ ...absence, fromMs: fromOf(absence), untilMs: this.#backMs(absence.endMs) }))
      .filter(({ fromMs, endMs }) => endMs > fromMs)
  }

  /** Its absences as wholes: breaks too short for a renewal do not end one. */
  #merged(node: number, effects?: readonly Effect[]): { beginMs: number; endMs: number }[] {
    const merged: { beginMs: number; endMs: number }[] = []
    for (const { beginMs, endMs } of this.#absencesOf(node, effects)) {
      const last = merged.at(-1)
      if (last && beginMs - last.endMs < this.comebackMs) last.endMs = Math.max(last.endMs, endMs)
      else merged.push({ beginMs, endMs })
    }
    return merged
  }

  /** Until when a node whose absence has ended may take to be one of the others again; nobody is while the store is away. */
  #backMs(absentUntilMs: number): number {
    const withinMs = this.comebackMs + this.slackMs(absentUntilMs) + 1_000
    let untilMs = absentUntilMs + withinMs
    for (const { effect, beginMs, endMs } of this.windows) {
      const delays = effect === 'store-away' && beginMs <= untilMs && endMs > absentUntilMs
      if (delays) untilMs = Math.max(untilMs, endMs + withinMs)
    }
    return untilMs
  }
}
