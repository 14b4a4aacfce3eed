import type { ChaosRecord, Effect, Terms } from '../records.js'

/** A time in which something was not as it should be; without a node it concerns all of them, and without orgs all orgs. */
export interface Window {
  readonly effect: Effect
  readonly node: number | undefined
  readonly orgs: ReadonlySet<string> | undefined
  readonly beginMs: number
  readonly endMs: number
}

/** A time in which a node was away, and from when to when that has consequences. */
interface Absence {
  readonly beginMs: number
  readonly endMs: number
  readonly fromMs: number
  readonly untilMs: number
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

  /**
   * The times in which the store may not count what a node holds: it is without its lease (R5); or it was away while a
   * store that had lost its memory recovered, which waits for those alone that have said hello (R1).
   */
  untoldOf(node: number): Absence[] {
    return this.#absences(node, ({ beginMs, endMs }) => {
      const lost = this.during(['store-lost'], undefined, beginMs - this.comebackMs, endMs)
      return Math.min(this.#lapsedMs(beginMs), ...lost.map((loss) => loss.endMs + this.comebackMs))
    })
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

  #absencesOf(node: number): Window[] {
    return this.during(['paused', 'cut-off'], node, 0, Number.POSITIVE_INFINITY)
  }

  /** When others may have declared a node dead that has been away since then. */
  #lapsedMs(awaySinceMs: number): number {
    const { ttlMs, renewIntervalMs } = this.terms
    return awaySinceMs + ttlMs - renewIntervalMs * 1.1 - MACHINE_SLACK_MS
  }

  /** Its absences that have consequences, which begin at `fromOf`. Breaks too short for a renewal do not end one. */
  #absences(node: number, fromOf: (absence: { beginMs: number; endMs: number }) => number): Absence[] {
    const merged: { beginMs: number; endMs: number }[] = []
    for (const { beginMs, endMs } of this.#absencesOf(node)) {
      const last = merged.at(-1)
      if (last && beginMs - last.endMs < this.comebackMs) last.endMs = Math.max(last.endMs, endMs)
      else merged.push({ beginMs, endMs })
    }
    return merged
      .map((absence) => ({ ...absence, fromMs: fromOf(absence), untilMs: this.#backMs(absence.endMs) }))
      .filter(({ fromMs, endMs }) => endMs > fromMs)
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

function windowsOf(records: readonly ChaosRecord[]): Window[] {
  type Growing = { -readonly [K in keyof Window]: Window[K] }
  const open = new Map<string, Growing>()
  const windows: Growing[] = []
  const lostWhileAway: (Omit<Window, 'endMs'> & { readonly away: Growing })[] = []
  for (const record of records) {
    if (record.is !== 'effect') continue
    const { effect, node, phase, t } = record
    const orgs = record.orgs && new Set(record.orgs)
    const key = `${effect} ${node}`
    if (phase === 'end') {
      const window = open.get(key)
      if (!window) throw new Error(`'${effect}' of node ${node} ended at ${t} without a beginning`)
      window.endMs = t
      open.delete(key)
      continue
    }
    if (open.has(key)) throw new Error(`'${effect}' of node ${node} began at ${t} a second time`)
    // What has no end yet lasts until the records end. A loss is a moment, or as long as the store is away for it.
    const away = windows.find((one) => one.effect === 'store-away' && one.endMs === Number.POSITIVE_INFINITY)
    if (effect === 'store-lost' && away) {
      lostWhileAway.push({ effect, node, orgs, beginMs: t, away })
      continue
    }
    const window = { effect, node, orgs, beginMs: t, endMs: effect === 'store-lost' ? t : Number.POSITIVE_INFINITY }
    windows.push(window)
    if (effect !== 'store-lost') open.set(key, window)
  }
  for (const { away, ...lost } of lostWhileAway) windows.push({ ...lost, endMs: away.endMs })
  return windows.sort((a, b) => a.beginMs - b.beginMs)
}
