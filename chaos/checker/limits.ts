import type { ChaosRecord, Terms } from '../records.js'

/** From `fromMs` until the next one's, any of these may have been an org's limit. */
interface Span {
  readonly fromMs: number
  readonly limits: readonly number[]
}

/**
 * Which limits may have been in force for an org and when, as its operator could know: from asking until the
 * confirmation the old one or the new; after an answer that never came, both, until another change is confirmed. They
 * survive a store that loses its memory (R1), but for those that were set less than a renewal before it through a node
 * that died as well.
 */
export class Limits {
  readonly #spans = new Map<string, Span[]>()
  readonly #default: number

  constructor(records: readonly ChaosRecord[], orgs: readonly string[], { defaultLimit, renewIntervalMs }: Terms) {
    this.#default = defaultLimit
    const changes = records.flatMap((record) =>
      record.is === 'limit'
        ? [{ t: record.askedMs, record, asked: true } as const, { t: record.t, record, asked: false } as const]
        : [],
    )
    const deaths = records.filter(
      (record) => record.is === 'effect' && record.effect === 'killed' && record.phase === 'begin',
    )
    const losses = records.flatMap((record) =>
      record.is === 'effect' &&
      record.effect === 'store-lost' &&
      deaths.some(({ t }) => t <= record.t && t >= record.t - 1.5 * renewIntervalMs)
        ? [{ t: record.t, record: undefined, orgs: record.orgs } as const]
        : [],
    )
    const steps = [...changes, ...losses].sort((a, b) => a.t - b.t)
    for (const org of orgs) {
      const spans: Span[] = [{ fromMs: 0, limits: [defaultLimit] }]
      let lostMs = Number.NEGATIVE_INFINITY
      for (const { t, record, ...step } of steps) {
        const before = spans.at(-1)!.limits
        if (record === undefined) {
          if ('orgs' in step && step.orgs?.includes(org) === false) continue
          lostMs = t
          const recent = spans.filter((_, i) => (spans[i + 1]?.fromMs ?? Infinity) >= t - 1.5 * renewIntervalMs)
          spans.push({ fromMs: t, limits: recent.flatMap(({ limits }) => limits) })
        } else if (record.org === org) {
          const settled = 'asked' in step && !step.asked && record.confirmed && record.askedMs > lostMs
          spans.push({ fromMs: t, limits: settled ? [record.limit] : union(before, [record.limit]) })
        }
      }
      this.#spans.set(org, spans)
    }
  }

  /** Every limit that may have been in force at some moment of the time. */
  between(org: string, fromMs: number, untilMs: number): readonly number[] {
    const spans = this.#spans.get(org) ?? [{ fromMs: 0, limits: [this.#default] }]
    const found = spans.filter((span, i) => span.fromMs <= untilMs && (spans[i + 1]?.fromMs ?? Infinity) >= fromMs)
    return found.flatMap(({ limits }) => limits)
  }
}

function union(some: readonly number[], more: readonly number[]): number[] {
  return [...new Set([...some, ...more])]
}
