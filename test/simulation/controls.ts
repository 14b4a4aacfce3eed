import type { Fence, Reply } from '../../src/store/lease-store.js'
import type { SimStore } from './sim-store.js'

/** Known ways to break the protocol, each of which the simulation must catch: what shows that it can. */
export interface Controls {
  /** The store looks at no fence: calls under dead leases and old generations are obeyed. */
  readonly noFence?: boolean
  /** Calls of an older connection are obeyed as long as the lease lives. */
  readonly noGeneration?: boolean
  /** The node trusts its lease for ever. */
  readonly noDeadline?: boolean
  /** The store's clock is the machine's: a jump expires everybody. */
  readonly rawClock?: boolean
  /** Who asks again for what it holds is told "full". */
  readonly forgetfulAcquire?: boolean
  /** A release removes by id alone, whoever holds it. */
  readonly sweepForgetsMembers?: boolean
}

export const CONTROLS: readonly (keyof Controls)[] = [
  'noFence',
  'noGeneration',
  'noDeadline',
  'rawClock',
  'forgetfulAcquire',
  'sweepForgetsMembers',
]

export function plant(controls: Controls, store: SimStore): void {
  const { verbs, tables } = store
  if (controls.noFence || controls.noGeneration) {
    const blind = <A extends unknown[], T>(verb: (fence: Fence, ...rest: A) => Reply<T>) => {
      return (fence: Fence, ...rest: A): Reply<T> => {
        const known = tables.live.get(fence.lease)
        if (known) return verb({ ...fence, generation: known.generation }, ...rest)
        if (!controls.noFence || tables.epoch === undefined) return verb(fence, ...rest)
        tables.live.set(fence.lease, { generation: fence.generation, reasserting: false, expiresMs: Number.MAX_VALUE })
        const reply = verb({ ...fence, epoch: tables.epoch }, ...rest)
        tables.live.delete(fence.lease)
        return reply
      }
    }
    verbs.acquire = blind(verbs.acquire.bind(verbs))
    verbs.release = blind(verbs.release.bind(verbs))
  }
  if (controls.rawClock) {
    const renew = verbs.renew.bind(verbs)
    verbs.renew = (fence) => {
      const now = Math.floor(store.world.nowMs + store.timeOffsetMs)
      if (tables.lastTimeMs !== undefined) tables.clockMs += Math.max(0, now - tables.lastTimeMs)
      tables.lastTimeMs = now
      return renew(fence)
    }
  }
  if (controls.forgetfulAcquire) {
    const acquire = verbs.acquire.bind(verbs)
    verbs.acquire = (fence, claims) => {
      const held = claims.map(({ id, scopes: [org] }) => tables.scope(`org:${org.id}`).has(id))
      const reply = acquire(fence, claims)
      if (reply.status !== 'ok') return reply
      const full = { admitted: false, reason: 'full', scope: 0, count: 1, limit: 1 } as const
      return { status: 'ok', value: reply.value.map((verdict, i) => (held[i] ? full : verdict)) }
    }
  }
  if (controls.sweepForgetsMembers) {
    const sweep = verbs.sweep.bind(verbs)
    verbs.sweep = (fence, dead, entries, batch) =>
      sweep(
        fence,
        dead,
        entries.map((entry) => ({ ...entry, scopes: [] })),
        batch,
      )
  }
}
