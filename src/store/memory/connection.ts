import { bounded } from '../bounded.js'
import { type Fence, MAX_ITEMS, type Reply, type StoreConnection } from '../lease-store.js'
import type { Verbs } from '../verbs.js'
import type { Turns } from './turns.js'
import type { MemoryVerbs } from './verbs.js'

/** Brings a verb to the twin, and back what it says; `items` are what the verb is said of at once. */
type Say = <T>(verb: (twin: MemoryVerbs) => Reply<T>, items?: readonly unknown[]) => Promise<Reply<T>>

/** A connection in this process: one that can be cut, after which nothing is answered. */
export function memoryConnection(twin: MemoryVerbs, turns: Turns): StoreConnection {
  let gone: string | undefined
  let closed: (reason: string) => void = () => {}
  const whenClosed = new Promise<string>((resolve) => {
    closed = resolve
  })
  const now: Say = async (verb, items = []) => {
    bounded(items)
    return gone === undefined ? verb(twin) : { status: 'unanswered', cause: gone }
  }
  const inTurn: Say = (verb, items) => {
    const turn = turns.wait
    return turn ? turn.then(() => now(verb, items)) : now(verb, items)
  }
  // These are said when somebody asks. Of the others one may follow the other for as long as there is something to do.
  const { acquire, takeover, release } = verbsOf(now)
  return {
    ...verbsOf(inTurn),
    ...{ acquire, takeover, release },
    closed: whenClosed,
    destroy(reason) {
      gone ??= reason
      closed(gone)
    },
  }
}

/** The verbs of the twin as a connection has them, whatever way they take. */
export function verbsOf(say: Say): Verbs {
  const fenced = <T>(fence: Fence, verb: (twin: MemoryVerbs) => T, items?: readonly unknown[]) =>
    say((twin) => twin.fenced(fence, () => verb(twin)), items)
  return {
    hello: (request) => say((twin) => twin.hello(request)),
    acquire: (fence, claims, how) => say((twin) => twin.acquire(fence, claims, how), claims),
    takeover: (fence, claims) => say((twin) => twin.takeover(fence, claims), claims),
    release: (fence, slots) => say((twin) => twin.release(fence, slots), slots),
    renew: (fence, ordersPassedOver) => say((twin) => twin.renew(fence, ordersPassedOver)),
    sweep: (fence, dead, entries) => say((twin) => twin.sweep(fence, dead, entries, MAX_ITEMS), entries),
    leave: (fence) => say((twin) => twin.leave(fence)),
    reassert: (fence, claims, how) => say((twin) => twin.reassert(fence, claims, how), claims),
    override: (fence, org, limit, terms) => fenced(fence, ({ overrides }) => overrides.set(org, limit, terms)),
    learn: (fence, after) => fenced(fence, ({ overrides }) => overrides.learn(after, MAX_ITEMS)),
    restore: (fence, records) => fenced(fence, ({ overrides }) => overrides.restore(records), records),
    order: (fence, request) => fenced(fence, ({ orders }) => orders.give(request), request.ids),
    drain: (fence, node) => fenced(fence, ({ orders }) => orders.drain(node)),
    confirm: (fence, orders) => fenced(fence, (twin) => twin.orders.confirm(fence.lease, orders), orders),
    probe: (fence, scope) => fenced(fence, ({ probes }) => probes.ask(fence.lease, scope)),
    audit: (fence, cursor, slots) => say((twin) => twin.audit(fence, cursor, slots), slots),
  }
}
