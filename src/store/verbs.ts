import type { Reply, StoreConnection } from './lease-store.js'

export type Verb = Exclude<keyof StoreConnection, 'closed' | 'destroy'>
/** What can be said over a connection. */
export type Verbs = Pick<StoreConnection, Verb>

/** All of the contract, or this does not compile. */
const VERBS: Readonly<Record<Verb, true>> = {
  hello: true,
  acquire: true,
  release: true,
  renew: true,
  sweep: true,
  leave: true,
  reassert: true,
  override: true,
  learn: true,
  restore: true,
  order: true,
  confirm: true,
  audit: true,
  takeover: true,
  drain: true,
  probe: true,
}

type Say = () => Promise<Reply<unknown>>

/** The same verbs with something `around` each, which says it or does not: what was `said` begins with the fence. */
export function aroundVerbs(
  verbs: Verbs,
  around: (verb: Verb, say: Say, said: readonly unknown[]) => Promise<Reply<unknown>>,
): Verbs {
  const each = (Object.keys(VERBS) as Verb[]).map((verb) => {
    const inner = verbs[verb].bind(verbs) as (...said: readonly unknown[]) => Promise<Reply<unknown>>
    return [verb, (...said: readonly unknown[]) => around(verb, () => inner(...said), said)]
  })
  return Object.fromEntries(each)
}
