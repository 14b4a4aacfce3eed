import { getEventListeners } from 'node:events'
import { UsageError } from '../core/errors.js'
import { kindShown, shown } from '../core/shown.js'
import { isThenable } from '../core/tell.js'
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
    if (!isThenable(found)) {
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

type Code = Extract<Identification, { identified: false }>['code']
const CODES: readonly unknown[] = ['UNAUTHENTICATED', 'ORG_DISABLED', 'IDENTITY_UNAVAILABLE'] satisfies Code[]

/** A program without types may answer anything; the observer is told what is wrong with it. */
function answer<Answer extends Promise<Identification> | Identification>(found: Answer): Answer {
  if (typeof found === 'object' && found !== null && (isThenable(found) || isIdentification(found))) return found
  throw new UsageError(
    'INVALID_SETTINGS',
    `identify answers { identified: true, identity } or { identified: false, code, identity? }, or a promise of it, where code is one ` +
      `of ${CODES.join(', ')}; not ${described(found)}`,
  )
}

function isIdentification(found: object): boolean {
  const { identified, identity, code } = found as { readonly [field: string]: unknown }
  const isSomebody = typeof identity === 'object' && identity !== null
  if (identified === true) return isSomebody
  return identified === false && CODES.includes(code) && (isSomebody || (identity ?? undefined) === undefined)
}

/** Of what it holds the names alone, and the code: the rest may be secret, as is a text that is the credential itself. */
function described(found: unknown): string {
  if (typeof found !== 'object' || found === null) return kindShown(found)
  const code = 'code' in found ? `, code: ${shown(found.code)}` : ''
  return `an object of { ${Object.keys(found).join(', ')} }${code}`
}
