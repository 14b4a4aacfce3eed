import { getEventListeners } from 'node:events'
import type { Identification, Identify } from './identify.js'
import type { Upgrade } from './upgrade.js'

/** Asks who is behind an upgrade, with a signal that aborts when that does. */
export class Identifier {
  readonly #identify: Identify
  #spare: AbortController | undefined

  constructor(identify: Identify) {
    this.#identify = identify
  }

  /** A signal is costly to make, and who answers at once has no use for it: then it is kept for the next upgrade. */
  ask(upgrade: Upgrade): Promise<Identification> | Identification {
    const ending = this.#spare ?? new AbortController()
    this.#spare = undefined
    const found = this.#identify(upgrade.request, ending.signal, upgrade.address)
    if (!('then' in found)) {
      if (getEventListeners(ending.signal, 'abort').length === 0) this.#spare = ending
      return found
    }
    const end = () => ending.abort()
    if (upgrade.aborted) end()
    else upgrade.addEventListener('abort', end)
    return Promise.resolve(found).finally(() => upgrade.removeEventListener('abort', end))
  }
}
