import {
  CLEARS_REMEMBERED,
  type LearnReply,
  type OrgOverrides,
  type OverrideKind,
  type OverrideRecord,
  type OverrideTerms,
  type RestoreVerdict,
} from '../override-records.js'
import type { MemoryTables, StoredOverride } from './tables.js'

type Change = Pick<StoredOverride, 'org' | 'kind' | 'limit' | 'epoch' | 'dueMs' | 'details'>

/** What operators have set for orgs, over plain tables: what lua/override, learn and restore must equal. */
export class MemoryOverrides {
  readonly #t: MemoryTables
  readonly #advanceClock: () => void

  constructor(tables: MemoryTables, advanceClock: () => void) {
    this.#t = tables
    this.#advanceClock = advanceClock
  }

  set(org: string, limit: number | undefined, terms: OverrideTerms = {}): void {
    this.#advanceClock()
    const { kind = 'override', expiresInMs, details = '' } = terms
    const dueMs = expiresInMs === undefined ? undefined : this.#t.clockMs + expiresInMs
    this.#write(++this.#t.overrideVersion, { org, kind, limit, epoch: this.#t.epoch, dueMs, details })
  }

  /** Ends what is due, in the order in which it is due; returns the version. Nobody has said that: so it has no epoch. */
  expire(): number {
    // A node that has yet to write back may know what an operator has said since.
    if (this.#t.recovery) return this.#t.overrideVersion
    const due = [...this.#t.overrideRecords]
      .filter(([, { dueMs }]) => dueMs !== undefined && dueMs <= this.#t.clockMs)
      .sort(([a, one], [b, other]) => one.dueMs! - other.dueMs! || (a < b ? -1 : 1))
    for (const [, record] of due) {
      this.#write(++this.#t.overrideVersion, { ...record, limit: undefined, epoch: undefined })
    }
    return this.#t.overrideVersion
  }

  learn(after: number, most: number): LearnReply {
    const page = [...this.#t.overrideRecords]
      .filter(([, { version }]) => version > after)
      .sort(byVersion)
      .slice(0, most)
      .map(([, record]) => this.#asTold(record))
    const more = page.length === most
    const last = page.at(-1)?.version ?? after
    // Records that come from two lives of the store may share a version: the last of a full page is asked for again.
    const next = more && last - 1 > after ? last - 1 : last
    return { records: page, unreadable: [], next, more, floor: this.#t.overrideFloor }
  }

  restore(records: readonly OverrideRecord[]): RestoreVerdict[] {
    return records.map((record) => this.#restoreOne(record))
  }

  of(org: string): OrgOverrides {
    const set = (kind: OverrideKind) => {
      const record = this.#t.overrideRecords.get(`${kind}:${org}`)
      return record?.limit === undefined ? {} : { [kind]: { limit: record.limit, details: record.details } }
    }
    return { ...set('override'), ...set('tier') }
  }

  #restoreOne({ version, expiresInMs, ...offered }: OverrideRecord): RestoreVerdict {
    const t = this.#t
    if (!t.recovery) return 'over'
    const held = t.overrideRecords.get(`${offered.kind}:${offered.org}`)
    if (held?.epoch === t.epoch && held) {
      // Set in this life of the store, so newer than anything from before: its version must say so too.
      if (held.version <= version) {
        t.overrideVersion = Math.max(t.overrideVersion, version) + 1
        held.version = t.overrideVersion
      }
      return 'known'
    }
    if (held && held.version >= version) {
      // The same, from an old snapshot: its clock stood still since, and the node's did not.
      if (
        held.version === version &&
        held.details === offered.details &&
        held.dueMs !== undefined &&
        expiresInMs !== undefined
      )
        held.dueMs = Math.min(held.dueMs, t.clockMs + expiresInMs)
      return 'known'
    }
    t.overrideVersion = Math.max(t.overrideVersion, version)
    const dueMs = expiresInMs === undefined ? undefined : t.clockMs + expiresInMs
    this.#write(version, { ...offered, epoch: undefined, dueMs })
    return 'written'
  }

  #write(version: number, { org, kind, limit, epoch, dueMs, details }: Change): void {
    const ends = limit === undefined ? undefined : dueMs
    this.#t.overrideRecords.set(`${kind}:${org}`, { org, kind, limit, epoch, dueMs: ends, details, version })
    if (limit === undefined) this.#forgetOldest()
    const inForce = this.of(org)
    const number = (inForce.override ?? inForce.tier)?.limit
    if (number === undefined) this.#t.overrides.delete(org)
    else this.#t.overrides.set(org, number)
  }

  #forgetOldest(): void {
    const t = this.#t
    const clears = [...t.overrideRecords].filter(([, { limit }]) => limit === undefined).sort(byVersion)
    if (clears.length <= CLEARS_REMEMBERED) return
    const [field, { version }] = clears[0]!
    t.overrideRecords.delete(field)
    t.overrideFloor = Math.max(t.overrideFloor, version)
  }

  #asTold({ org, kind, version, limit, dueMs, details }: StoredOverride): OverrideRecord {
    const expiresInMs = dueMs === undefined ? undefined : Math.max(0, dueMs - this.#t.clockMs)
    return { org, kind, version, limit, expiresInMs, details }
  }
}

/**
 * Records that come from two lives of the store may share a version; then the name of the field decides, as in Redis.
 */
function byVersion([a, one]: [string, StoredOverride], [b, other]: [string, StoredOverride]): number {
  return one.version - other.version || (a < b ? -1 : 1)
}
