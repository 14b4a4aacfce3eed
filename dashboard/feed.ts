import type { Answer, Api } from './api.js'
import type { Node, Org, Snapshot } from './types.js'

export interface FeedListener {
  onSnapshot(snapshot: Snapshot): void
  /** No answer came; the next attempt is made at `retryAtMs`. */
  onLost(retryAtMs: number, why: string): void
}

interface OrgPageOf {
  readonly orgs: Org[]
  readonly nextCursor: string | null
}

const FIRST_DELAY_MS = 500
const MAX_DELAY_MS = 10_000
const MOST_PAGES = 5

/**
 * Keeps snapshots coming while it runs. When no answer comes it asks again, after a delay that doubles up
 * to 10 s and is spread, so that the pages of a whole team do not come back as one. A refused token stops it.
 */
export class Feed {
  readonly #api: Api
  readonly #listener: FeedListener
  #run: AbortController | undefined

  constructor(api: Api, listener: FeedListener) {
    this.#api = api
    this.#listener = listener
  }

  /** Harmless twice: begins anew. */
  start(): void {
    this.stop()
    this.#run = new AbortController()
    void this.#keepGoing(this.#run.signal)
  }

  stop(): void {
    this.#run?.abort()
    this.#run = undefined
  }

  async #keepGoing(stopped: AbortSignal): Promise<void> {
    let failures = 0
    while (!stopped.aborted) {
      const { seen, why, waitMs } = await this.#poll(stopped)
      if (stopped.aborted || why === 'UNAUTHENTICATED') return
      failures = seen ? 0 : failures + 1
      const backoff = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2)
      const delayMs = Math.max(waitMs, backoff)
      this.#listener.onLost(Date.now() + delayMs, why)
      await pause(delayMs, stopped)
    }
  }

  /** Asks every two seconds, until no answer comes. */
  async #poll(stopped: AbortSignal): Promise<{ seen: boolean; why: string; waitMs: number }> {
    let seen = false
    while (!stopped.aborted) {
      const nodes = await this.#api.get<{ nodes: Node[] }>('nodes')
      const orgs = await this.#orgs()
      if (!nodes.ok) return { seen, why: nodes.code, waitMs: nodes.retryAfterMs }
      if (!Array.isArray(orgs)) return { seen, why: orgs.code, waitMs: 0 }
      const connections = nodes.body.nodes.reduce((sum, node) => sum + node.connections, 0)
      this.#listener.onSnapshot({
        at: new Date().toISOString(),
        totals: { connections, orgs: orgs.length, nodes: nodes.body.nodes.length, refusedPerSecond: 0 },
        ...{ orgs, nodes: nodes.body.nodes, refusals: [] },
      })
      seen = true
      await pause(2_000, stopped)
    }
    return { seen, why: '', waitMs: 0 }
  }

  async #orgs(): Promise<Org[] | { code: string }> {
    const all = new Map<string, Org>()
    let cursor: string | null = '0'
    for (let page = 0; page < MOST_PAGES && cursor !== null; page++) {
      const answer: Answer<OrgPageOf> = await this.#api.get<OrgPageOf>(`orgs?cursor=${cursor}`)
      if (!answer.ok) return answer
      for (const org of answer.body.orgs) all.set(org.orgId, org)
      cursor = answer.body.nextCursor
    }
    return [...all.values()]
  }
}

function pause(ms: number, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    function done() {
      clearTimeout(timer)
      stopped.removeEventListener('abort', done)
      resolve()
    }
    stopped.addEventListener('abort', done)
  })
}
