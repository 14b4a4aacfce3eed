import type { Admission, AdmissionRequest, Admitter, Asker, Phase } from '../../src/core/admission.js'
import type { ClosingCode } from '../../src/core/closures.js'
import type { Peer } from '../../src/core/peer.js'

export interface CountingAdmitterOptions {
  readonly limit?: number
  /** `false` for a node that hands over a slot although the asker has gone: the gate must give it back. */
  readonly heedsAbort?: boolean
}

/** A node of one process: counts in a Map, can be held up, can lose slots. Takes the slot first and answers later. */
export class CountingAdmitter implements Admitter {
  phase: Phase = 'running'
  readonly requests: AdmissionRequest[] = []
  readonly #options: Required<CountingAdmitterOptions>
  readonly #slots = new Map<string, { org: string; lose: AbortController; peer?: Peer }>()
  #held: Promise<void> | undefined
  #parked: { readonly org: string; readonly over: Promise<void> } | undefined
  #waiting = 0

  constructor(options: CountingAdmitterOptions = {}) {
    this.#options = { limit: 3, heedsAbort: true, ...options }
  }

  /** Slots taken and not given back. */
  get count(): number {
    return this.#slots.size
  }

  /** Admissions that nobody has answered yet. */
  get waiting(): number {
    return this.#waiting
  }

  /** Answers no admission until the returned function is called. */
  hold(): () => void {
    let go = () => {}
    this.#held = new Promise((resolve) => {
      go = resolve
    })
    return () => {
      this.#held = undefined
      go()
    }
  }

  /**
   * Has whoever comes for this org wait, and tells him so, as a node does that asks whether somebody is still there; until
   * the returned function is called.
   */
  park(org: string): () => void {
    let go = () => {}
    const over = new Promise<void>((resolve) => {
      go = resolve
    })
    this.#parked = { org, over }
    return () => {
      this.#parked = undefined
      go()
    }
  }

  /** Takes a slot away, as a node does that has lost its lease or drains. */
  lose(reason: ClosingCode): void {
    for (const { lose, peer } of this.#slots.values()) {
      if (lose.signal.aborted) continue
      lose.abort(reason)
      peer?.lose?.(reason)
    }
  }

  async admit(request: AdmissionRequest, asker?: Asker): Promise<Admission> {
    this.requests.push(request)
    const { org } = request
    const maxAllowed = request.limit ?? this.#options.limit
    const currentCount = [...this.#slots.values()].filter((slot) => slot.org === org).length
    const connectionId = `c-${this.requests.length}`
    const lose = new AbortController()
    const full = currentCount >= maxAllowed
    const slot: { org: string; lose: AbortController; peer?: Peer } = { org, lose }
    if (!full) this.#slots.set(connectionId, slot)
    const release = () => void this.#slots.delete(connectionId)
    this.#waiting++
    const parked = this.#parked?.org === org ? this.#parked.over : undefined
    if (parked) asker?.waits?.()
    await (parked ?? this.#held)
    this.#waiting--
    if (full) return { admitted: false, code: 'ORG_CONNECTION_LIMIT_EXCEEDED', currentCount, maxAllowed }
    if (asker?.aborted && this.#options.heedsAbort) {
      release()
      return { admitted: false, code: 'ADMISSION_UNDECIDED' }
    }
    return {
      admitted: true,
      connectionId,
      currentCount: currentCount + 1,
      maxAllowed,
      release,
      lost: lose.signal,
      get closing() {
        return lose.signal.reason as ClosingCode | undefined
      },
      resumeToken: undefined,
      watch(peer) {
        slot.peer = peer
        if (lose.signal.aborted) peer.lose?.(lose.signal.reason as ClosingCode)
      },
    }
  }
}
