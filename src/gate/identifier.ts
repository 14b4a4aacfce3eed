import { getEventListeners } from 'node:events'
import { UsageError } from '../core/errors.js'
import type { Identification, Identify } from './identify.js'
import type { Upgrade } from './upgrade.js'

/**
 * So often one signal is handed on at most: what is made of it by `AbortSignal.any` cannot be seen, and piles up in it.
 */
const MOST_USES = 256

/** What nobody reads any more: the upgrade has ended, and with it the question. */
const TOO_LATE: Identification = { identified: false, code: 'IDENTITY_UNAVAILABLE' }

/** Asks who is behind an upgrade, with a signal that aborts when that does. */
export class Identifier {
  readonly #identify: Identify
  #spare: AbortController | undefined
  #uses = 0

  constructor(identify: Identify) {
    this.#identify = identify
  }

  /** A signal is costly to make, and who answers at once has no use for it: then it is kept for the next upgrade. */
  ask(upgrade: Upgrade): Promise<Identification> | Identification {
    const ending = this.#take()
    const found = answer(this.#identify(upgrade.request, ending.signal, upgrade.address))
    if (!('then' in found)) {
      if (this.#uses < MOST_USES && getEventListeners(ending.signal, 'abort').length === 0) this.#spare = ending
      return found
    }
    const end = () => ending.abort()
    if (upgrade.aborted) end()
    else upgrade.addEventListener('abort', end)
    return this.#answered(upgrade, found, end)
  }

  async #answered(upgrade: Upgrade, found: Promise<Identification>, end: () => void): Promise<Identification> {
    try {
      return answer(await found)
    } catch (error) {
      // Who heeds its signal does as it was told.
      if (upgrade.aborted) return TOO_LATE
      throw error
    } finally {
      upgrade.removeEventListener('abort', end)
    }
  }

  #take(): AbortController {
    const spare = this.#spare
    this.#spare = undefined
    this.#uses = spare ? this.#uses + 1 : 1
    return spare ?? new AbortController()
  }
}

/** A program without types may answer anything; the observer is told what is wrong with it. */
function answer<Answer>(found: Answer): Answer & object {
  if (typeof found === 'object' && found !== null) return found
  throw new UsageError(
    'INVALID_SETTINGS',
    `identify answers { identified: true, identity } or { identified: false, code }, or a promise of it, not ${found}`,
  )
}
