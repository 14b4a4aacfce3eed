import { type Attempt, FULL, groupBy, INSTANCE_FULL } from './history.js'
import { type Holder, holderOf } from './holders.js'
import type { Limits } from './limits.js'
import type { Surroundings } from './surroundings.js'

/** All attempts that count against one limit: an org's, or that of an instance, which may hold one connection. */
export interface Scope {
  readonly name: string
  /** What happened around its org. */
  readonly around: Surroundings
  readonly attempts: readonly Attempt[]
  /** Those of them that had a slot, or may have had one. */
  readonly holders: readonly Holder[]
  /** With this code is refused whom this limit does not let in. */
  readonly full: string
  /** Every limit that may have been in force at some moment of the time. */
  readonly limits: (fromMs: number, untilMs: number) => readonly number[]
}

const ONE = [1]

export function scopesOf(attempts: readonly Attempt[], limits: Limits, surroundings: Surroundings): Scope[] {
  return [...groupBy(attempts, ({ org }) => org)].flatMap(([org, own]): Scope[] => {
    const around = surroundings.of(org)
    const scope = (name: string, own: readonly Attempt[], full: string, limits: Scope['limits']): Scope => {
      return { name, around, attempts: own, holders: own.flatMap((each) => holderOf(each, around)), full, limits }
    }
    const named = own.filter(({ instance }) => instance !== undefined)
    const instances = [...groupBy(named, ({ instance }) => instance)]
    return [
      scope(org, own, FULL, (fromMs, untilMs) => limits.between(org, fromMs, untilMs)),
      ...instances.map(([instance, its]) => scope(`${instance} of ${org}`, its, INSTANCE_FULL, () => ONE)),
    ]
  })
}
