import { decodeDetails } from '../../src/node/held/details.js'
import { scopeKey } from '../../src/store/claims.js'
import type { Fence, IndexEntry, Reply, StoreConnection, Verdict } from '../../src/store/lease-store.js'
import type { SimLink } from './sim-link.js'
import type { SimStore } from './sim-store.js'

/** Known ways to break the protocol, each of which the simulation must catch: what shows that it can. */
export interface Controls {
  /** The store looks at no fence: calls under dead leases and old generations are obeyed. */
  readonly noFence?: boolean
  /** The node trusts its lease for ever. */
  readonly noDeadline?: boolean
  /** Calls of an older connection are obeyed as long as the lease lives. */
  readonly noGeneration?: boolean
  /** A node with a new lease tells the store of none of its connections. */
  readonly noReassertion?: boolean
  /** Who asks again for what it holds is told "full". */
  readonly forgetfulAcquire?: boolean
  /** When a client goes away, its slot is given back at once, and not after the question for it was answered. */
  readonly eagerRelease?: boolean
  /** What was admitted is given back a second later, used or not. */
  readonly givesBackTheUsed?: boolean
  /** The org's slots are a number that goes up and down, and no set. */
  readonly counters?: boolean
  /** The store's clock is the machine's: a jump expires everybody. */
  readonly rawClock?: boolean
  /** A node's next lease has the name of its last one. */
  readonly repeatingLeases?: boolean
  /** A renewal puts a lease that was declared dead back among the living. */
  readonly renewReadds?: boolean
  /** A sweep removes the index and leaves the members. */
  readonly sweepForgetsMembers?: boolean
  /** The store does not ask in which lives nodes have been elsewhere. */
  readonly passedByUnnoticed?: boolean
  /** Under `close` a store that lost its memory waits as long as under `rejoin`, and not for D. */
  readonly briefRecovery?: boolean
  /** A node takes the store for told of what is open before it has answered. */
  readonly takesForTold?: boolean
  /** A node gives up its lease for a store that knows nothing of it, before that has given it another. */
  readonly givesUpAtOnce?: boolean
  /** What was taken over comes back with its node. */
  readonly takenComesBack?: boolean
  /** Nobody is told to close what was taken over. */
  readonly takenOverUntold?: boolean
  /** What is taken over leaves the org's set, and stays in those of its other scopes. */
  readonly takenInPart?: boolean
  /** Who is evicted is so until the lease ends, and no longer. */
  readonly evictedForgotten?: boolean
}

const CROSSED = ['takenComesBack', 'takenOverUntold', 'takenInPart', 'evictedForgotten'] as const

export const CONTROLS = [
  ...(['noFence', 'noDeadline', 'noGeneration', 'noReassertion', 'forgetfulAcquire'] as const),
  ...([
    'eagerRelease',
    'givesBackTheUsed',
    'counters',
    'rawClock',
    'repeatingLeases',
    'renewReadds',
    'sweepForgetsMembers',
    'passedByUnnoticed',
    'briefRecovery',
    'takesForTold',
    'givesUpAtOnce',
  ] as const),
  ...CROSSED,
] satisfies (keyof Controls)[]

/** Whether a mistake shows on a plain day, or where features meet; `undefined` without one. */
export function isPlainDay(controls: Controls): boolean | undefined {
  if (Object.keys(controls).length === 0) return undefined
  return !CROSSED.some((control) => controls[control])
}

/** Breaks the store; what breaks a node is `noDeadline`, and the functions that put a link of its own between. */
export function plant(controls: Controls, store: SimStore): void {
  if (controls.noFence || controls.noGeneration) blindFence(store, controls.noFence === true)
  if (controls.noReassertion) noReassertion(store)
  if (controls.forgetfulAcquire) forgetfulAcquire(store)
  if (controls.givesBackTheUsed) givesBackTheUsed(store)
  if (controls.counters) counters(store)
  if (controls.rawClock) rawClock(store)
  if (controls.renewReadds) renewReadds(store)
  if (controls.sweepForgetsMembers) sweepForgetsMembers(store)
  if (controls.passedByUnnoticed) passedByUnnoticed(store)
  if (controls.takenComesBack) store.verbs.orders.wasTaken = () => false
  if (controls.takenOverUntold) store.verbs.orders.takeOver = () => {}
  if (controls.takenInPart) takenInPart(store)
  if (controls.evictedForgotten) store.verbs.orders.orderAgain = () => {}
}

function blindFence({ verbs, tables }: SimStore, alsoToTheDead: boolean): void {
  const blind = <A extends unknown[], T>(verb: (fence: Fence, ...rest: A) => Reply<T>) => {
    return (fence: Fence, ...rest: A): Reply<T> => {
      const known = tables.live.get(fence.lease)
      if (known) return verb({ ...fence, generation: known.generation }, ...rest)
      if (!alsoToTheDead || tables.epoch === undefined) return verb(fence, ...rest)
      tables.live.set(fence.lease, { generation: fence.generation, reasserting: false, expiresMs: Number.MAX_VALUE })
      const reply = verb({ ...fence, epoch: tables.epoch }, ...rest)
      tables.live.delete(fence.lease)
      return reply
    }
  }
  verbs.acquire = blind(verbs.acquire.bind(verbs))
  verbs.release = blind(verbs.release.bind(verbs))
}

function noReassertion({ verbs }: SimStore): void {
  const reassert = verbs.reassert.bind(verbs)
  verbs.reassert = (fence, claims, how) => {
    const reply = reassert(fence, [], how)
    return reply.status === 'ok' ? { status: 'ok', value: claims.map(() => 'kept') } : reply
  }
}

function forgetfulAcquire({ verbs, tables }: SimStore): void {
  const acquire = verbs.acquire.bind(verbs)
  verbs.acquire = (fence, claims, ...rest) => {
    const held = claims.map(({ id, scopes: [org] }) => tables.scope(`org:${org.id}`).has(id))
    const reply = acquire(fence, claims, ...rest)
    if (reply.status !== 'ok') return reply
    const full = { admitted: false, reason: 'full', scope: 0, count: 1, limit: 1 } as const
    return { status: 'ok', value: reply.value.map((verdict, i) => (held[i] ? full : verdict)) }
  }
}

function givesBackTheUsed(store: SimStore): void {
  const { verbs, world } = store
  const acquire = verbs.acquire.bind(verbs)
  verbs.acquire = (fence, claims, ...rest) => {
    world.at(1_000, () => store.arrive(() => void verbs.release(fence, claims)))
    return acquire(fence, claims, ...rest)
  }
}

function counters({ verbs, tables }: SimStore): void {
  const counts = new Map<string, number>()
  const add = (org: string, slots: number) => counts.set(org, Math.max(0, (counts.get(org) ?? 0) + slots))
  const giveBack = (slots: readonly Pick<IndexEntry, 'scopes'>[]) => {
    for (const { scopes } of slots) add(scopes[0]?.id ?? '', -1)
  }
  const { hello, acquire, release, reassert, sweep } = {
    ...{ hello: verbs.hello.bind(verbs), acquire: verbs.acquire.bind(verbs), release: verbs.release.bind(verbs) },
    ...{ reassert: verbs.reassert.bind(verbs), sweep: verbs.sweep.bind(verbs) },
  }
  verbs.hello = (request) => {
    const reply = hello(request)
    if (reply.status === 'ok' && reply.value.newEpoch) counts.clear()
    return reply
  }
  verbs.acquire = (fence, claims) => {
    const allowed = acquire(fence, [])
    if (allowed.status !== 'ok') return allowed
    const value = claims.map((claim): Verdict => {
      const { id, limit } = claim.scopes[0]
      const count = counts.get(id) ?? 0
      if (count >= limit) return { admitted: false, reason: 'full', scope: 0, count, limit }
      add(id, 1)
      tables.take(fence.lease, claim)
      return { admitted: true, count: count + 1, limit }
    })
    return { status: 'ok', value }
  }
  verbs.release = (fence, slots) => {
    const reply = release(fence, slots)
    if (reply.status === 'ok') giveBack(slots)
    return reply
  }
  verbs.reassert = (fence, claims, how) => {
    const reply = reassert(fence, claims, how)
    if (reply.status === 'ok') for (const { scopes } of claims) add(scopes[0].id, 1)
    return reply
  }
  verbs.sweep = (fence, dead, entries, batch) => {
    if (tables.dead.has(dead)) giveBack(entries)
    return sweep(fence, dead, entries, batch)
  }
}

function rawClock(store: SimStore): void {
  const { verbs, tables } = store
  const renew = verbs.renew.bind(verbs)
  verbs.renew = (fence, ...rest) => {
    const now = Math.floor(store.world.nowMs + store.timeOffsetMs)
    if (tables.lastTimeMs !== undefined) tables.clockMs += Math.max(0, now - tables.lastTimeMs)
    tables.lastTimeMs = now
    return renew(fence, ...rest)
  }
}

function renewReadds({ verbs, tables }: SimStore): void {
  const renew = verbs.renew.bind(verbs)
  verbs.renew = (fence, ...rest) => {
    const { lease, generation } = fence
    if (tables.dead.delete(lease)) tables.live.set(lease, { generation, reasserting: false, expiresMs: 0 })
    return renew(fence, ...rest)
  }
}

function passedByUnnoticed({ verbs, tables }: SimStore): void {
  const hello = verbs.hello.bind(verbs)
  verbs.hello = ({ known, lastEpoch: _, ...request }) => {
    if (!known || known.epoch === tables.epoch) return hello({ ...request, ...(known && { known }) })
    return hello({ ...request, known: { ...known, epoch: 'of before' } })
  }
}

function takenInPart({ verbs, tables }: SimStore): void {
  const takeover = verbs.takeover.bind(verbs)
  verbs.takeover = (fence, claims) => {
    const further = claims.map(({ scopes, replaces }) =>
      scopes.slice(1).flatMap((scope) => {
        const lease = tables.scope(scopeKey(scope)).get(replaces)
        return lease === undefined ? [] : [() => tables.add(scopeKey(scope), replaces, lease)]
      }),
    )
    const reply = takeover(fence, claims)
    const verdicts = reply.status === 'ok' ? reply.value : []
    for (const [i, verdict] of verdicts.entries()) if (verdict.admitted) for (const back of further[i]!) back()
    return reply
  }
}

function sweepForgetsMembers({ verbs }: SimStore): void {
  const sweep = verbs.sweep.bind(verbs)
  const withoutScopes = (entries: readonly IndexEntry[]) => entries.map((entry) => ({ ...entry, scopes: [] }))
  verbs.sweep = (fence, dead, entries, batch) => sweep(fence, dead, withoutScopes(entries), batch)
}

/** Every connection of the node is what `change` makes of it. */
function connections(link: SimLink, change: (connection: StoreConnection) => StoreConnection): void {
  const connect = link.connect.bind(link)
  link.connect = async () => {
    const reply = await connect()
    return reply.status === 'ok' ? { status: 'ok', value: change(reply.value) } : reply
  }
}

/** A lease named after its node, as a host name or a number of a replica would be. */
export function repeatingLeases(link: SimLink): void {
  const lease = 1 + Math.floor(link.dice.next() * 2 ** 40)
  // Whatever a verb is called, the lease is in the first thing said.
  const named = (verb: (said: object, ...rest: unknown[]) => unknown) => {
    return (said: object, ...rest: unknown[]) => verb({ ...said, lease }, ...rest)
  }
  connections(link, (to) => {
    const verbs = Object.entries(to).filter(([, verb]) => typeof verb === 'function')
    const renamed = Object.fromEntries(verbs.map(([name, verb]) => [name, named(verb)]))
    return { ...to, ...renamed, closed: to.closed, destroy: (reason) => to.destroy(reason) }
  })
}

/** A node takes the store for told of what is open before it has answered. */
export function takesForTold(link: SimLink): void {
  connections(link, (to) => ({
    ...to,
    closed: to.closed,
    destroy: (reason) => to.destroy(reason),
    reassert: (fence, claims, how) => {
      void to.reassert(fence, claims, how)
      return Promise.resolve({ status: 'ok', value: claims.map(() => 'kept' as const) })
    },
  }))
}

/** A lease that one store knows nothing of is gone for the node, to whatever store it comes next. */
export function givesUpAtOnce(link: SimLink): void {
  const gone = new Set<number>()
  connections(link, (to) => ({
    ...to,
    closed: to.closed,
    destroy: (reason) => to.destroy(reason),
    hello: async (request) => {
      if (gone.has(request.lease)) return { status: 'refused', reason: 'lost' }
      const reply = await to.hello(request)
      if (reply.status === 'refused' && reply.reason === 'lost') gone.add(request.lease)
      return reply
    },
  }))
}

/** The release takes a way of its own, and once it is sent the slot counts as given back. */
export function eagerRelease(link: SimLink): void {
  const { store, dice } = link
  const asked = new Map<string, { fence: Fence; slot: IndexEntry }>()
  const done = new Set<string>()
  connections(link, (to) => ({
    ...to,
    closed: to.closed,
    destroy: (reason) => to.destroy(reason),
    acquire: async (fence, claims, ...rest) => {
      const clients = claims.map(({ details }) => String(decodeDetails(details).gateway))
      for (const [i, slot] of claims.entries()) asked.set(clients[i] ?? '', { fence, slot })
      const reply = await to.acquire(fence, claims, ...rest)
      for (const client of clients) asked.delete(client)
      return reply
    },
    release: (fence, slots) =>
      to.release(
        fence,
        slots.filter(({ id }) => !done.has(id)),
      ),
  }))
  link.left = (client) => {
    const { fence, slot } = asked.get(client) ?? {}
    if (!fence || !slot) return
    done.add(slot.id)
    store.world.at(dice.next() * 4, () => store.arrive(() => void store.verbs.release(fence, [slot])))
  }
}
