import { byId, setText } from './dom.js'
import { duration } from './format.js'

/** Snapshots come once a second; what is older than this must not be taken for the present. */
const STALE_MS = 4_000

/** Says on top of the page whether what it shows is live, and if not how old it is, why, and what happens next. */
export class FeedState {
  readonly #element = byId('feed')
  #heardAtMs = 0
  #trouble = ''
  #retryAtMs: number | undefined

  constructor() {
    setInterval(() => this.#tell(), 1_000)
  }

  heard(): void {
    this.#heardAtMs = Date.now()
    this.#trouble = ''
    this.#tell()
  }

  /** `retryAtMs` where the stream is lost; without it the stream goes on and tells of the trouble itself. */
  troubled(why: string, retryAtMs?: number): void {
    this.#trouble = why
    this.#retryAtMs = retryAtMs
    this.#tell()
  }

  #tell(): void {
    const ageMs = Date.now() - this.#heardAtMs
    const stale = this.#heardAtMs > 0 && ageMs > STALE_MS
    const state = stale ? 'stale' : this.#heardAtMs > 0 ? 'live' : 'waiting'
    const told = { live: 'live', waiting: 'connecting', stale: `stale: heard ${duration(ageMs)} ago` }[state]
    const again =
      this.#retryAtMs === undefined ? '' : `, again in ${duration(Math.max(0, this.#retryAtMs - Date.now()))}`
    this.#element.dataset.state = state
    document.body.toggleAttribute('data-stale', stale)
    setText(this.#element, state === 'live' || this.#trouble === '' ? told : `${told} (${this.#trouble}${again})`)
  }
}
