import { type Attempt, FULL, groupBy, INSTANCE_FULL } from './history.js'
import type { Limits } from './limits.js'

/** All attempts that count against one limit: an org's, or that of an instance, which may hold one connection. */
export interface Scope {
  readonly name: string
  readonly org: string
  readonly attempts: readonly Attempt[]
  /** With this code is refused whom this limit does not let in. */
  readonly full: string
  /** Every limit that may have been in force at some moment of the time. */
  readonly limits: (fromMs: number, untilMs: number) => readonly number[]
}

const ONE = [1]

export function scopesOf(attempts: readonly Attempt[], limits: Limits): Scope[] {
  return [...groupBy(attempts, ({ org }) => org)].flatMap(([org, own]): Scope[] => {
    const named = own.filter(({ instance }) => instance !== undefined)
    const instances = [...groupBy(named, ({ instance }) => instance)].map(
      ([instance, attempts]): Scope => ({
        ...{ name: `${instance} of ${org}`, org, attempts, full: INSTANCE_FULL, limits: () => ONE },
      }),
    )
    const ofOrg = (fromMs: number, untilMs: number) => limits.between(org, fromMs, untilMs)
    return [{ name: org, org, attempts: own, full: FULL, limits: ofOrg }, ...instances]
  })
}
