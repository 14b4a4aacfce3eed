import { UsageError } from './errors.js'
import { checkLimit } from './limits.js'
import { shown } from './shown.js'

const TIER_NAME = /^[A-Za-z0-9][\w.-]{0,63}$/
const MOST_TIERS = 100

/** Named default limits. Each org has the limit of its tier, unless an operator has made an exception for it. */
export class Tiers {
  readonly #limits: ReadonlyMap<string, number>

  /** Throws `INVALID_TIERS` for no tier at all, for too many, and for a name or limit that is none. */
  constructor(limits: Readonly<Record<string, number>>) {
    this.#limits = new Map(Object.entries(limits))
    if (this.#limits.size < 1 || this.#limits.size > MOST_TIERS) {
      throw new UsageError('INVALID_TIERS', `there are 1 to ${MOST_TIERS} tiers, not ${this.#limits.size}`)
    }
    for (const [name, limit] of this.#limits) {
      if (!TIER_NAME.test(name)) {
        throw new UsageError('INVALID_TIERS', `a tier is named by letters, digits, ".", "-" and "_", not ${name}`)
      }
      checkLimit(limit, `the limit of the tier ${name}`)
    }
  }

  get limits(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#limits)
  }

  get names(): string[] {
    return [...this.#limits.keys()]
  }

  /** The tier with the lowest limit; of several, the first. */
  get lowest(): string {
    return this.names.reduce((lowest, name) => (this.limitOf(name)! < this.limitOf(lowest)! ? name : lowest))
  }

  /** In slots, `Infinity` for unlimited; `undefined` for a name that is no tier. */
  limitOf(name: string): number | undefined {
    return this.#limits.get(name)
  }

  /** The same, for whoever has to know: throws `UNKNOWN_TIER` with the names that there are. */
  knownLimit(name: string): number {
    const limit = this.limitOf(name)
    if (limit !== undefined) return limit
    throw new UsageError('UNKNOWN_TIER', `there is no tier ${shown(name)}; there are ${this.names.join(', ')}`)
  }
}

/** Reads `free=3,paid=10,big=unlimited`; `undefined` for anything that is not that, a name said twice included. */
export function parseTiers(text: string): Tiers | undefined {
  const limits = new Map<string, number>()
  for (const part of text.split(',')) {
    const [, name = '', limit = ''] = /^\s*([^=\s]+)=(\d{1,9}|unlimited)\s*$/.exec(part) ?? []
    if (!TIER_NAME.test(name) || limits.has(name)) return undefined
    limits.set(name, limit === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limit))
  }
  return limits.size <= MOST_TIERS ? new Tiers(Object.fromEntries(limits)) : undefined
}
