import { UsageError } from '../core/errors.js'
import { checkGiven } from '../core/given.js'
import { shown } from '../core/shown.js'

export interface EvictOptions {
  /** For whoever reads the event `orders.given`. */
  readonly reason?: string | undefined
}

/** Why connections are to be closed. Throws `INVALID_SETTINGS` for an option that is none, and for what is no text. */
export function reasonOf(options: EvictOptions): string | undefined {
  checkGiven(options, { kinds: { reason: 'string' } })
  return options.reason
}

/** Throws `INVALID_SETTINGS` for what can be no lease: the name of a node would be answered with `gone`, and live on. */
export function checkLease(lease: number): void {
  if (Number.isSafeInteger(lease)) return
  throw new UsageError(
    'INVALID_SETTINGS',
    `a lease is a number, as nodes() tells that of each node, not ${shown(lease)}`,
  )
}
