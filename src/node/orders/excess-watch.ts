import type { Clock } from '../../core/clock.js'
import type { EventBus } from '../../core/events.js'
import type { Policies } from '../../core/policies.js'
import type { OrgCount, StoreInspector } from '../../store/lease-store.js'
import type { HeldConnections } from '../held/held-connections.js'
import { highestLimit, MAX_HOLDERS } from './holders.js'
import type { Excess, OrderGiver } from './order-giver.js'

type Policy = Policies['onLimitLowered']

/** So many orgs are looked at after one renewal, and of those that are here without a reason in one such interval. */
const ORGS_A_LOOK = 1_000
const WATCH_INTERVAL_MS = 30_000

/** A reason to look at an org, and what to do with a surplus. */
interface Ask {
  readonly policy: Policy
}

interface WatchParts {
  readonly clock: Clock
  readonly events: EventBus
  readonly held: HeldConnections
  readonly inspector: StoreInspector
  readonly orders: OrderGiver
  readonly policy: Policy
  /** What operators have said of one org, as far as this node has heard. */
  readonly said: (org: string) => Policy | undefined
}

/**
 * Finds orgs that hold more than they may, says so once a change, and closes the surplus where the policy wants that.
 * No admission makes one; a lowered limit does, a store that lost its memory, debts, and primaries that admitted at
 * once.
 *
 * Where no operator has set a limit, it is the highest that any connection of the org came with, on whatever node:
 * nodes may know different ones, as during a deployment that raises a tier, and what one of them admitted is no surplus
 * to another.
 *
 * It looks at an org when there is reason: its limit was set here, the node has told the store of its connections
 * again, or it was over its limit before; and in turn at all orgs that this node holds. Each renewal lets it look at a
 * bounded number of them, and none while the store recovers, since others have yet to tell what they hold.
 */
export class ExcessWatch {
  readonly #parts: WatchParts
  /** Orgs to look at. A further reason is another object: what was counted before it is not acted on, nor told. */
  readonly #pending = new Map<string, Ask>()
  /** Orgs held here that were over their limit when last looked at. */
  readonly #over = new Map<string, string>()
  #next = 0
  #lastTurnAtMs: number
  #busy = false

  constructor(parts: WatchParts) {
    const { clock, events } = parts
    this.#parts = parts
    this.#lastTurnAtMs = clock.monotonicMs()
    events.on('connections.reasserted', () => this.#await(parts.held.orgs()))
    events.on('lease.renewed', ({ recoveryMs }) => {
      if (recoveryMs === 0) void this.#work()
    })
  }

  /** Looks at one org now, because its limit was set. What cannot be finished now is done after later renewals. */
  async look(org: string, policy = this.#parts.policy): Promise<void> {
    this.#pending.set(org, { policy })
    await this.#lookAt([org])
  }

  async #work(): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    this.#awaitInTurn()
    await this.#lookAt([...this.#pending.keys()].slice(0, ORGS_A_LOOK))
    this.#busy = false
  }

  /** From time to time, those that were over their limit, and some of the others. */
  #awaitInTurn(): void {
    const { clock, held } = this.#parts
    if (clock.monotonicMs() - this.#lastTurnAtMs < WATCH_INTERVAL_MS) return
    this.#lastTurnAtMs = clock.monotonicMs()
    const orgs = held.orgs()
    this.#await([...this.#over.keys(), ...orgs.slice(this.#next, this.#next + ORGS_A_LOOK)])
    this.#next = this.#next + ORGS_A_LOOK < orgs.length ? this.#next + ORGS_A_LOOK : 0
  }

  #await(orgs: readonly string[]): void {
    const { said, policy } = this.#parts
    for (const org of orgs) {
      this.#pending.set(org, { policy: this.#pending.get(org)?.policy ?? said(org) ?? policy })
    }
  }

  /** What the store does not answer, or in a way that nobody can read, stays pending. */
  async #lookAt(orgs: readonly string[]): Promise<void> {
    // As they are before the store counts: what is asked from here on wants a count of its own.
    const asks = new Map(orgs.map((org) => [org, this.#pending.get(org)]))
    const counts = orgs.length === 0 ? [] : await this.#parts.inspector.countOrgs(orgs).catch(() => [])
    for (const count of counts) {
      const { org } = count
      try {
        await this.#judge(count, asks.get(org))
      } catch {
        // Perhaps the store is gone, and will not tell of the next one either; perhaps it cannot tell of this org alone, and
        // then that comes behind the others next time, and keeps none of them waiting (S5).
        const ask = this.#pending.get(org)
        if (ask && this.#pending.delete(org)) this.#pending.set(org, ask)
        return
      }
    }
  }

  async #judge(counted: OrgCount, asked: Ask | undefined): Promise<void> {
    const { org } = counted
    const isStale = () => this.#pending.get(org) !== asked
    if (!asked || isStale()) return
    const excess = await this.#excessOf(counted)
    if (isStale()) return
    this.#report(org, excess)
    const { policy } = asked
    const isDone = !excess || policy === 'keep' || (await this.#parts.orders.closeSurplus(org, excess, policy))
    if (isDone && !isStale()) this.#pending.delete(org)
  }

  /**
   * Undefined where the org holds no more than it may: for nearly all, the limits of its connections here tell that.
   */
  async #excessOf({ org, count, override }: OrgCount): Promise<Excess | undefined> {
    const { held, inspector } = this.#parts
    const limit = override ?? held.limitOf(org)
    if (limit === undefined || count <= limit) return undefined
    if (override !== undefined) return { currentCount: count, maxAllowed: override }
    const named = await inspector.holders(org, MAX_HOLDERS)
    // Of those that were released since they were named the scopes are gone too: they hold nothing, and tell no limit.
    const holders = named.filter(({ scopes }) => scopes.length > 0)
    const currentCount = named.length < MAX_HOLDERS ? holders.length : count
    const maxAllowed = Math.max(limit, highestLimit(holders))
    return currentCount > maxAllowed ? { currentCount, maxAllowed, holders } : undefined
  }

  #report(org: string, excess: Excess | undefined): void {
    if (!excess) {
      this.#over.delete(org)
      return
    }
    const { currentCount, maxAllowed } = excess
    const now = `${currentCount} of ${maxAllowed}`
    if (this.#over.get(org) === now) return
    // Others watch what is not held here.
    if (this.#parts.held.limitOf(org) !== undefined) this.#over.set(org, now)
    this.#parts.events.emit('org.over_limit', { org, currentCount, maxAllowed })
  }
}
