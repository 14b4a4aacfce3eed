import type { Clock } from '../../core/clock.js'
import type { Journal, JournalKind } from '../../store/journal.js'
import { MAX_ITEMS } from '../../store/lease-store.js'
import type { RefusalNote } from './refusal-note.js'

const PAUSE_MS = 1_000
/** So that an org in a storm does not push all others out of a page. */
const MOST_OF_ORG = 8
/** After as many within so long an org is in a storm: then its notes push out those of such orgs alone (S5). */
const STORM_MS = 600_000
/** Of so many orgs it is known how many they had. */
const MOST_ORGS = 1_000

/**
 * Hands what is new on this node to the journal of the cluster: one page at most once a second, and none where nothing
 * happened. A page has the newest 64 notes, of one org at most 8; the others are counted as dropped. While the store is
 * away the page waits, and stays that small. Once 8 of an org were handed on within ten minutes, the next ones are handed
 * on as those of a storm.
 */
export class RefusalCourier {
  readonly #journal: Journal
  readonly #clock: Clock
  #notes: RefusalNote[] = []
  /** Of those that wait, and of the page that is under way, which comes back where the store does not take it. */
  readonly #ofOrg = new Map<string | undefined, number>()
  /** Of those that were handed on since then. */
  readonly #lately = new Map<string | undefined, number>()
  #latelySinceMs = 0
  #admitted = 0
  #refused = 0
  #dropped = 0
  #stuck = false
  #cancel: (() => void) | undefined
  #handing: Promise<void> | undefined
  #stopped = false

  constructor(journal: Journal, clock: Clock) {
    this.#journal = journal
    this.#clock = clock
  }

  /** Notes that were not handed on, because there were too many. */
  get dropped(): number {
    return this.#dropped
  }

  /** Whether the store took nothing when it was last handed something, though it may answer whoever asks. */
  get stuck(): boolean {
    return this.#stuck
  }

  /** The note may still be filled in until it is handed on. */
  add(note: RefusalNote): void {
    if (note.kind === 'refused') this.#refused++
    const ofOrg = this.#ofOrg.get(note.orgId) ?? 0
    if (ofOrg < MOST_OF_ORG) {
      this.#ofOrg.set(note.orgId, ofOrg + 1)
      this.#notes.push(note)
      this.#trim()
    } else this.#dropped++
    this.#schedule()
  }

  admitted(): void {
    this.#admitted++
    this.#schedule()
  }

  /** Hands on what is left, if the store still answers, and stops the timer. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    await this.#handing
    await this.#hand()
  }

  #schedule(): void {
    if (this.#stopped || this.#handing) return
    this.#cancel ??= this.#clock.after(PAUSE_MS, () => {
      this.#handing = this.#hand().finally(() => {
        this.#handing = undefined
        this.#cancel = undefined
        if (this.#notes.length + this.#admitted + this.#refused > 0) this.#schedule()
      })
    })
  }

  async #hand(): Promise<void> {
    const [notes, admitted, refused] = [this.#notes, this.#admitted, this.#refused]
    if (notes.length + admitted + refused === 0) return
    this.#notes = []
    this.#admitted = 0
    this.#refused = 0
    this.#forget()
    try {
      const textsOf = (kind: JournalKind) =>
        notes.filter(({ orgId }) => this.#kindOf(orgId) === kind).map((note) => JSON.stringify(note))
      const [entries, storms, strangers] = [textsOf('entries'), textsOf('storms'), textsOf('strangers')]
      await this.#journal.note({ entries, storms, strangers, admitted, refused })
      this.#stuck = false
      for (const { orgId } of notes) this.#lately.set(orgId, (this.#lately.get(orgId) ?? 0) + 1)
      this.#uncount(notes)
    } catch {
      // The store is away or takes no writes, which is told elsewhere; this waits for its return.
      this.#stuck = true
      this.#notes = [...notes, ...this.#notes]
      this.#trim()
      this.#admitted += admitted
      this.#refused += refused
    }
  }

  #trim(): void {
    const dropped = this.#notes.splice(0, this.#notes.length - MAX_ITEMS)
    this.#dropped += dropped.length
    this.#uncount(dropped)
  }

  #kindOf(org: string | undefined): JournalKind {
    if (org === undefined) return 'strangers'
    return (this.#lately.get(org) ?? 0) < MOST_OF_ORG ? 'entries' : 'storms'
  }

  #forget(): void {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#latelySinceMs < STORM_MS && this.#lately.size < MOST_ORGS) return
    this.#lately.clear()
    this.#latelySinceMs = nowMs
  }

  #uncount(notes: readonly RefusalNote[]): void {
    for (const { orgId } of notes) {
      const left = (this.#ofOrg.get(orgId) ?? 0) - 1
      if (left > 0) this.#ofOrg.set(orgId, left)
      else this.#ofOrg.delete(orgId)
    }
  }
}
