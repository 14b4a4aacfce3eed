import type { Clock } from '../../core/clock.js'
import { UsageError } from '../../core/errors.js'
import { checkGiven, type Kind } from '../../core/given.js'
import { fieldsOf } from '../../core/parse-json.js'
import { ON_LIMIT_LOWERED } from '../../core/policies.js'
import { isRfc3339 } from '../../core/rfc3339.js'
import type { OverrideKind, OverrideTerms } from '../../store/override-records.js'
import { checkOnLowered, type SurplusTerms } from './on-lowered.js'

/** On which terms an operator sets or clears a limit; all of it is kept and shown. */
export interface LimitTerms {
  /** It ends by itself after so long, at most one renew interval late; never where absent. */
  readonly forMs?: number | undefined
  /** Why, for people: up to 500 characters. */
  readonly note?: string | undefined
  /** Who has asked for it: up to 128 characters. */
  readonly by?: string | undefined
}

/**
 * Of the kind `tier` the limit is that of the tier which the org is put in; else it is an exception that wins over it.
 */
export type SetTerms = LimitTerms & SurplusTerms & { readonly kind?: OverrideKind; readonly tier?: string }

/** What is kept of the terms beside the number, as JSON. */
export interface LimitDetails extends SurplusTerms {
  readonly tier?: string
  readonly note?: string
  readonly by?: string
  /** RFC 3339, by the clock of the node that was asked. */
  readonly setAt: string
  readonly expiresAt?: string
}

const MAX_NOTE = 500
const MAX_BY = 128
/** Ten years: so that no date is out of range. */
const MAX_FOR_MS = 10 * 365 * 24 * 3_600_000

/** All of the type, or this does not compile. What each takes is looked at one by one. */
const TERMS: Readonly<Record<keyof SetTerms, Kind>> = {
  forMs: 'any',
  note: 'any',
  by: 'any',
  onLowered: 'any',
  kind: 'any',
  tier: 'any',
}

/** Throws `INVALID_TERMS` for what could not be kept as it was given, and for terms that are none. */
export function storedTerms(terms: SetTerms, clock: Clock): OverrideTerms {
  checkGiven(terms, { kinds: TERMS, code: 'INVALID_TERMS' })
  const { kind = 'override', forMs, note, by, tier, onLowered } = terms
  if (onLowered !== undefined) checkOnLowered(onLowered)
  if (forMs !== undefined && !(Number.isFinite(forMs) && forMs >= 1 && forMs <= MAX_FOR_MS)) {
    throw new UsageError('INVALID_TERMS', `a limit is set for 1 ms to ten years, not for ${forMs} ms`)
  }
  for (const [name, text, most] of [
    ['note', note, MAX_NOTE],
    ['by', by, MAX_BY],
  ] as const) {
    if (text !== undefined && (typeof text !== 'string' || text.length > most)) {
      throw new UsageError('INVALID_TERMS', `"${name}" is a text of at most ${most} characters`)
    }
  }
  const nowMs = clock.wallMs()
  const details: LimitDetails = {
    ...(tier !== undefined && { tier }),
    ...(note !== undefined && { note }),
    ...(by !== undefined && { by }),
    ...(onLowered !== undefined && { onLowered }),
    setAt: new Date(nowMs).toISOString(),
    ...(forMs !== undefined && { expiresAt: new Date(nowMs + forMs).toISOString() }),
  }
  return {
    kind,
    ...(forMs !== undefined && { expiresInMs: Math.ceil(forMs) }),
    details: JSON.stringify(details),
  }
}

/** What was kept, as it was. What has another type or name than it should is left out: somebody else set that limit. */
export function keptTerms(details: string): Partial<LimitDetails> {
  const { tier, note, by, onLowered, setAt, expiresAt } = fieldsOf(details)
  const policy = ON_LIMIT_LOWERED.find((one) => one === onLowered)
  return {
    ...(typeof tier === 'string' && { tier }),
    ...(typeof note === 'string' && { note }),
    ...(typeof by === 'string' && { by }),
    ...(policy !== undefined && { onLowered: policy }),
    ...(isRfc3339(setAt) && { setAt }),
    ...(isRfc3339(expiresAt) && { expiresAt }),
  }
}
