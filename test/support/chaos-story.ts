import { check } from '../../chaos/checker/check.js'
import { type ChaosRecord, type Effect, type Leave, OF_ITS_OWN, type Terms } from '../../chaos/records.js'
import { SHIPPED } from '../../chaos/terms.js'

const STORY_END_MS = 300_000

type Untimed = ChaosRecord extends infer R ? (R extends { t: number } ? Omit<R, 't'> : never) : never

/** The records of a run as somebody might have seen it: made up, for tests of who judges them. Times in milliseconds. */
export class ChaosStory {
  readonly #records: ChaosRecord[] = []
  readonly #open = new Set<number>()
  #attempts = 0

  get records(): readonly ChaosRecord[] {
    return [...this.#records].sort((a, b) => a.t - b.t)
  }

  /** Somebody connects; the answer takes 10 ms. Returns the number by which it is known from then on. */
  opens(t: number, node = 0, org = 'acme', resumes?: number, instance?: string): number {
    const attempt = this.#asks(t, node, org, resumes, instance)
    this.#open.add(attempt)
    return this.at(t + 10, { is: 'opened', attempt, id: `id-${attempt}` }, attempt)
  }

  refused(
    t: number,
    code = 'ORG_CONNECTION_LIMIT_EXCEEDED',
    {
      node = 0,
      org = 'acme',
      afterMs = 10,
      limit = 3,
      resumes = undefined as number | undefined,
      instance = undefined as string | undefined,
    } = {},
  ): void {
    const attempt = this.#asks(t, node, org, resumes, instance)
    const full = code.endsWith('_CONNECTION_LIMIT_EXCEEDED')
    const counts = full ? { count: limit, limit } : {}
    this.at(t + afterMs, { is: 'refused', attempt, status: full ? 429 : 503, code, ...counts })
  }

  fails(t: number, afterMs: number, reason = 'no answer', node = 0, resumes?: number): void {
    const attempt = this.#asks(t, node, 'acme', resumes)
    this.at(t + afterMs, { is: 'failed', attempt, reason })
  }

  /** One that shows a token is let in, but its network is gone before it hears of it; it gives up half a second later. */
  loses(t: number, resumes: number, node = 0): void {
    const attempt = this.#asks(t, node, 'acme', resumes)
    this.at(t, { is: 'leaving', attempt, how: 'silence' })
    this.at(t + 500, { is: 'failed', attempt, reason: OF_ITS_OWN.lost })
  }

  /** A client leaves, and its connection is gone a little later, or later than that. */
  leaves(t: number, attempt: number, how: Leave = 'close', goneMs = t + 5): void {
    this.#open.delete(attempt)
    this.at(t, { is: 'leaving', attempt, how })
    this.at(goneMs, { is: 'closed', attempt, code: how === 'close' ? 1000 : 1006, provenMs: t })
  }

  /** The server ends a connection, which had answered half a second before. */
  closedBy(t: number, attempt: number, code: number): void {
    this.#open.delete(attempt)
    this.at(t, { is: 'closed', attempt, code, provenMs: t - 500 })
  }

  effect(effect: Effect, beginMs: number, endMs?: number, node?: number, orgs?: readonly string[]): void {
    const whom = { ...(node !== undefined && { node }), ...(orgs && { orgs }) }
    this.at(beginMs, { is: 'fault', name: effect, phase: 'begin' })
    this.at(beginMs, { is: 'effect', effect, phase: 'begin', ...whom })
    if (endMs !== undefined) this.at(endMs, { is: 'effect', effect, phase: 'end', ...whom })
  }

  limit(t: number, limit: number, confirmed = true): void {
    this.at(t + 5, { is: 'limit', org: 'acme', limit, askedMs: t, confirmed })
  }

  /** The end of a run in which all was well. Who is still connected closes. */
  ends(t: number): void {
    for (const attempt of this.#open) this.leaves(t + 1_500, attempt)
    this.at(t, { is: 'calm' })
    this.at(t + 1_000, { is: 'compared', onlyInStore: [], onlyInClients: [] })
    this.at(t + 2_000, { is: 'all-closed' })
    this.at(t + 3_000, { is: 'emptied', slotsLeft: 0 })
  }

  at<T>(t: number, record: Untimed, result?: T): T {
    this.#records.push({ t, ...record } as ChaosRecord)
    return result as T
  }

  #asks(t: number, node: number, org: string, resumes?: number, instance?: string): number {
    const attempt = ++this.#attempts
    const shows = { ...(resumes !== undefined && { resumes }), ...(instance !== undefined && { instance }) }
    return this.at(t, { is: 'asked', attempt, org, node, by: 'obeying', ...shows }, attempt)
  }
}

/** What is told twice: once as it may be, and once with a breach. The checker must pass the one and find the other. */
export interface ToldTwice {
  readonly name: string
  readonly finds: string
  readonly well: (story: ChaosStory) => void
  readonly breach: (story: ChaosStory) => void
}

/** The promises that the checker finds broken in a story, each once. */
export function broken(
  tell: (story: ChaosStory) => void,
  { ends = true, terms = SHIPPED }: { ends?: boolean; terms?: Terms } = {},
): string[] {
  const story = new ChaosStory()
  tell(story)
  if (ends) story.ends(STORY_END_MS)
  const { findings } = check({ orgs: ['acme', 'globex'], terms }, story.records)
  return [...new Set(findings.map(({ promise }) => promise))]
}

/** Three of acme's on the given nodes, who stay to the end. */
export function full(story: ChaosStory, ...nodes: number[]): number[] {
  return nodes.map((node, i) => story.opens(1_000 + i * 100, node))
}
