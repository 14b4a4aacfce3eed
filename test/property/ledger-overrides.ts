import type { LearnReply, OverrideKind, OverrideRecord, RestoreVerdict } from '../../src/store/override-records.js'
import { must } from './broken-promise.js'
import type { Call } from './world.js'

interface Entry {
  readonly org: string
  readonly kind: OverrideKind
  readonly limit: number | undefined
  dueMs: number | undefined
  readonly details: string
  /** The order in which the changes were made, over all lives of the store that anybody remembers. */
  version: number
  /** Somebody set it in this life of the store; a node that remembers another one is wrong. */
  ofThisLife: boolean
}

/** What must be in force of what operators have set, made from what was said and from nothing the store says of it. */
export class OverrideLedger {
  readonly #entries = new Map<string, Entry>()
  #latest = 0

  clear(): void {
    this.#entries.clear()
    this.#latest = 0
  }

  newLife(): void {
    for (const entry of this.#entries.values()) entry.ofThisLife = false
  }

  set({ org, limit, terms }: Extract<Call, { verb: 'override' }>, clockMs: number): void {
    const { kind = 'override', expiresInMs, details = '' } = terms
    const dueMs = limit === undefined || expiresInMs === undefined ? undefined : clockMs + expiresInMs
    this.#enter({ org, kind, limit, dueMs, details, version: ++this.#latest, ofThisLife: true })
  }

  /**
   * A renewal ends all that is due: none is in force a renewal later than it should. While the store recovers none does:
   * this is what time has done and nobody has said, and a node may yet come that knows what somebody has.
   */
  expire(clockMs: number): void {
    const due = [...this.#entries.values()].filter(({ dueMs }) => dueMs !== undefined && dueMs <= clockMs)
    for (const entry of due.sort((one, other) => one.dueMs! - other.dueMs! || (keyOf(one) < keyOf(other) ? -1 : 1))) {
      this.#enter({ ...entry, limit: undefined, dueMs: undefined, version: ++this.#latest, ofThisLife: false })
    }
  }

  /** Everything newer is told, and nothing else; in one call here, because there is so little. */
  learned(after: number, reply: LearnReply, clockMs: number): void {
    const line = (...parts: unknown[]) => parts.join(' ')
    const due = [...this.#entries.values()]
      .filter(({ version }) => version > after)
      .map(({ org, kind, version, limit, dueMs }) =>
        line(kind, org, version, limit, dueMs === undefined ? undefined : Math.max(0, dueMs - clockMs)),
      )
    const told = reply.records.map(({ org, kind, version, limit, expiresInMs }) =>
      line(kind, org, version, limit, expiresInMs),
    )
    must('R1', told.toSorted().join() === due.sort().join(), () => `told ${told}, should be told ${due}`)
  }

  restored(records: readonly OverrideRecord[], words: readonly RestoreVerdict[], open: boolean, clockMs: number): void {
    for (const [i, { org, kind, version, limit, expiresInMs, details }] of records.entries()) {
      const held = this.#entries.get(keyOf({ org, kind }))
      const word = !open ? 'over' : held && (held.ofThisLife || held.version >= version) ? 'known' : 'written'
      must('R1', words[i] === word, () => `${kind} of ${org} in version ${version} is ${words[i]}, should be ${word}`)
      if (word === 'over') continue
      if (word === 'written') {
        const dueMs = limit === undefined || expiresInMs === undefined ? undefined : clockMs + expiresInMs
        this.#enter({ org, kind, limit, dueMs, details, version, ofThisLife: false })
        this.#latest = Math.max(this.#latest, version)
      } else if (held!.ofThisLife && held!.version <= version) {
        this.#latest = Math.max(this.#latest, version) + 1
        held!.version = this.#latest
      } else if (!held!.ofThisLife && held!.version === version && held!.details === details) {
        // The same again: the sooner end counts.
        if (held!.dueMs !== undefined && expiresInMs !== undefined)
          held!.dueMs = Math.min(held!.dueMs, clockMs + expiresInMs)
      }
    }
  }

  inForce(org: string): number | undefined {
    const limitOf = (kind: OverrideKind) => this.#entries.get(keyOf({ org, kind }))?.limit
    return limitOf('override') ?? limitOf('tier')
  }

  allInForce(): Map<string, number> {
    const all = new Map<string, number>()
    for (const { org } of this.#entries.values()) {
      const limit = this.inForce(org)
      if (limit !== undefined) all.set(org, limit)
    }
    return all
  }

  #enter(entry: Entry): void {
    this.#entries.set(keyOf(entry), entry)
  }
}

function keyOf({ kind, org }: Pick<Entry, 'kind' | 'org'>): string {
  return `${kind}:${org}`
}
