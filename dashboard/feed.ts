import type { Api } from './api.js'
import { serverEvents } from './sse.js'
import type { Snapshot } from './types.js'

export interface FeedListener {
  onSnapshot(snapshot: Snapshot): void
  /** The node answers, and the store does not answer the node. */
  onUnavailable(cause: string): void
  /** The stream ended or did not come about; the next attempt is made at `retryAtMs`. */
  onLost(retryAtMs: number, why: string): void
}

/** Why a stream ended, whether it had told anything, and how long the server asks to wait. */
interface Ended {
  readonly told: boolean
  readonly why: string
  readonly waitMs: number
}

/** An event comes once a second; a stream that says nothing for so long is taken for dead. */
const SILENCE_MS = 6_000
const FIRST_DELAY_MS = 500
const MAX_DELAY_MS = 10_000

/**
 * Keeps a stream of snapshots coming while it runs. When one is lost it connects again, after a delay that doubles up
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
      const { told, why, waitMs } = await this.#stream(stopped)
      if (stopped.aborted) return
      failures = told ? 0 : failures + 1
      const backoffMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** failures) * (0.5 + Math.random() / 2)
      const delayMs = Math.max(waitMs, backoffMs)
      this.#listener.onLost(Date.now() + delayMs, why)
      await pause(delayMs, stopped)
    }
  }

  /** One stream from its beginning to its end. */
  async #stream(stopped: AbortSignal): Promise<Ended> {
    const silence = new AbortController()
    let timer = setTimeout(() => silence.abort(), SILENCE_MS)
    let told = false
    try {
      const response = await this.#api.open('events', AbortSignal.any([stopped, silence.signal]))
      if (!response.ok || !response.body) {
        const { said, retryAfterMs } = await this.#api.refusal(response)
        return { told, why: said, waitMs: retryAfterMs }
      }
      for await (const { name, data } of serverEvents(response.body)) {
        clearTimeout(timer)
        timer = setTimeout(() => silence.abort(), SILENCE_MS)
        told = true
        if (name === 'snapshot') this.#listener.onSnapshot(JSON.parse(data) as Snapshot)
        if (name === 'unavailable') this.#listener.onUnavailable((JSON.parse(data) as { cause: string }).cause)
      }
      return { told, why: 'the node has ended the stream', waitMs: 0 }
    } catch {
      return { told, why: silence.signal.aborted ? 'the node fell silent' : 'the node does not answer', waitMs: 0 }
    } finally {
      clearTimeout(timer)
    }
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
