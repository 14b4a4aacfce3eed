import { bounded } from '../bounded.js'
import type {
  AuditReply,
  Claim,
  Fence,
  HelloReply,
  HelloRequest,
  IndexEntry,
  ReassertVerdict,
  RenewReply,
  Reply,
  ScopeRef,
  SlotRef,
  StoreConnection,
  SweepReply,
  TakeoverClaim,
  Verdict,
} from '../lease-store.js'
import { MAX_ITEMS } from '../lease-store.js'
import {
  type DrainVerdict,
  type Order,
  type OrderReply,
  type OrderRequest,
  type ProbeReply,
  REMEMBERED,
} from '../orders.js'
import type { LearnReply, OverrideRecord, OverrideTerms, RestoreVerdict } from '../override-records.js'
import { AcquireCalls } from './acquire.js'
import { advised } from './advice.js'
import { callerOf, lastSaid, tokenOf } from './call.js'
import * as codec from './codec.js'
import { cut } from './cut.js'
import { scopeKeys } from './keys.js'
import { confirmCall, drainCall, orderCall } from './orders.js'
import { learnCall, overrideCall, restoreCall } from './overrides.js'
import { probeCall } from './probes.js'
import { takeoverCall } from './takeover.js'
import type { Wiring } from './wiring.js'
import { WrongBuckets } from './wrong-buckets.js'

/** How many leases one renewal reports late or hands out for sweeping. */
const LEASES_A_CALL = 16
/** How many one renewal declares dead; what is left of them waits for the next. So many take Redis less than 1 ms. */
const DECLARED_A_CALL = 64

/**
 * One TCP connection to Redis, never reconnected: a connection that is gone is replaced by another one that says
 * hello with the next generation. Every call has a deadline of its own; when one goes unanswered, the connection is
 * reset, so that the kernel does not deliver later what was sent (what it delivers all the same, the generation stops).
 */
export class RedisConnection implements StoreConnection {
  readonly closed: Promise<string>
  readonly #wiring: Wiring
  /** Settles what is pending when the connection goes; a client that was closed may leave promises pending for ever. */
  readonly #pending = new Set<(cause: string) => void>()
  readonly #acquireCalls: AcquireCalls
  #gone: string | undefined

  constructor(wiring: Wiring) {
    this.#wiring = wiring
    this.#acquireCalls = new AcquireCalls(wiring)
    this.closed = new Promise((resolve) => {
      wiring.redis.once('close', () => {
        this.#gone ??= 'the connection to the store closed'
        for (const settle of this.#pending) settle(this.#gone)
        this.#pending.clear()
        resolve(this.#gone)
      })
    })
  }

  hello(request: HelloRequest): Promise<Reply<HelloReply>> {
    const { keys, timing, recovery, buckets } = this.#wiring
    return this.#run(
      [keys.admission, keys.meta, keys.leases, keys.late, keys.dead, keys.nodes, ...keys.allOrders, keys.probes],
      [
        ...['hello', request.lease, request.generation, lastSaid(request)],
        request.proposedEpoch,
        ...[request.reasserting ? 1 : 0, timing.ttlMs, timing.clockStepCapMs],
        ...(recovery ? [timing.recoveryMs, timing.recoveryLimitMs] : [0, 0]),
        ...[request.nodeInfo, request.proposedSecret, buckets],
      ],
      codec.readHello,
    )
  }

  acquire(fence: Fence, claims: readonly Claim[], how?: { readonly again: boolean }): Promise<Reply<Verdict[]>> {
    bounded(claims)
    return this.#ask(
      () => this.#acquireCalls.run(callerOf(fence), claims, how?.again ?? false),
      (rest) => codec.readVerdicts(claims, rest),
    )
  }

  takeover(fence: Fence, claims: readonly TakeoverClaim[]): Promise<Reply<Verdict[]>> {
    return this.#run(...takeoverCall(this.#wiring.keys, callerOf(fence), claims))
  }

  release(fence: Fence, slots: readonly SlotRef[]): Promise<Reply<void>> {
    const { keys } = this.#wiring
    return this.#run(
      [keys.admission, keys.meta, keys.conns(fence.lease), ...scopeKeys(keys, slots)],
      ['release', fence.lease, tokenOf(fence), bounded(slots), ...codec.slotArgs(slots)],
      () => undefined,
    )
  }

  renew(fence: Fence, ordersPassedOver = 0): Promise<Reply<RenewReply>> {
    const { keys, timing } = this.#wiring
    return this.#run(
      [
        ...[keys.admission, keys.meta, keys.leases, keys.late, keys.dead, ...keys.overrides, ...keys.allOrders],
        ...[keys.taken, keys.evicted, keys.probes],
      ],
      [
        ...['renew', ...callerOf(fence), timing.ttlMs, timing.clockStepCapMs, timing.lateAfterMs, LEASES_A_CALL],
        ...[MAX_ITEMS, ordersPassedOver, REMEMBERED.forMs, REMEMBERED.connections, DECLARED_A_CALL],
      ],
      (rest) => {
        this.#acquireCalls.renewed(codec.saysAllIsUsual(rest))
        return codec.readRenew(rest)
      },
    )
  }

  sweep(fence: Fence, dead: number, entries: readonly IndexEntry[]): Promise<Reply<SweepReply>> {
    const { keys } = this.#wiring
    return this.#run(
      [keys.admission, keys.meta, keys.dead, keys.nodes, keys.conns(dead), ...scopeKeys(keys, entries)],
      ['sweep', ...callerOf(fence), dead, MAX_ITEMS, bounded(entries), ...codec.slotArgs(entries)],
      (rest) => ({ next: codec.readEntries(rest) }),
    )
  }

  leave(fence: Fence): Promise<Reply<void>> {
    const { admission, meta, leases, late, dead, conns, nodes, allOrders, probes } = this.#wiring.keys
    return this.#run(
      [admission, meta, leases, late, dead, conns(fence.lease), nodes, ...allOrders, probes],
      ['leave', ...callerOf(fence)],
      () => undefined,
    )
  }

  reassert(
    fence: Fence,
    claims: readonly Claim[],
    how: { readonly mode: 'keep' | 'room'; readonly final: boolean },
  ): Promise<Reply<ReassertVerdict[]>> {
    const { keys } = this.#wiring
    return this.#run(
      [
        ...[keys.admission, keys.meta, keys.dead, keys.conns(fence.lease), ...keys.closingOrders],
        ...[keys.taken, keys.evicted, ...scopeKeys(keys, claims)],
      ],
      [...['reassert', ...callerOf(fence), how.mode, how.final ? 1 : 0, bounded(claims)], ...codec.claimArgs(claims)],
      (rest) => codec.readReassert(claims, rest),
    )
  }

  override(fence: Fence, org: string, limit: number | undefined, terms?: OverrideTerms): Promise<Reply<void>> {
    const { keys, timing } = this.#wiring
    return this.#run(...overrideCall(keys, callerOf(fence), timing.clockStepCapMs, org, limit, terms))
  }

  learn(fence: Fence, after: number): Promise<Reply<LearnReply>> {
    return this.#run(...learnCall(this.#wiring.keys, callerOf(fence), after))
  }

  restore(fence: Fence, records: readonly OverrideRecord[]): Promise<Reply<RestoreVerdict[]>> {
    return this.#run(...restoreCall(this.#wiring.keys, callerOf(fence), records))
  }

  order(fence: Fence, request: OrderRequest): Promise<Reply<OrderReply>> {
    return this.#run(...orderCall(this.#wiring.keys, callerOf(fence), request))
  }

  confirm(fence: Fence, orders: readonly Order[]): Promise<Reply<void>> {
    return this.#run(...confirmCall(this.#wiring.keys, callerOf(fence), orders))
  }

  drain(fence: Fence, node: number): Promise<Reply<DrainVerdict>> {
    return this.#run(...drainCall(this.#wiring.keys, callerOf(fence), node))
  }

  probe(fence: Fence, scope: ScopeRef): Promise<Reply<ProbeReply>> {
    return this.#run(...probeCall(this.#wiring.keys, callerOf(fence), scope))
  }

  audit(fence: Fence, cursor: string | undefined, slots: readonly SlotRef[]): Promise<Reply<AuditReply>> {
    const { keys } = this.#wiring
    return this.#run(
      [keys.admission, keys.meta, keys.conns(fence.lease), ...scopeKeys(keys, slots)],
      ['audit', ...callerOf(fence), cursor ?? '', bounded(slots), ...codec.slotArgs(slots)],
      (rest) => codec.readAudit(slots, rest),
    )
  }

  destroy(reason: string): void {
    this.#gone ??= reason
    cut(this.#wiring.redis)
  }

  #run<T>(keys: string[], args: (string | number)[], read: (rest: unknown[]) => T): Promise<Reply<T>> {
    const { redis, script } = this.#wiring
    return this.#ask(() => script.run(redis, keys, args), read)
  }

  #ask<T>(call: () => Promise<unknown>, read: (rest: unknown[]) => T): Promise<Reply<T>> {
    const { timing, clock } = this.#wiring
    if (this.#gone) return Promise.resolve({ status: 'unanswered', cause: this.#gone })
    return new Promise((resolve) => {
      const cancel = clock.after(timing.callTimeoutMs, () => fail(`no answer within ${timing.callTimeoutMs} ms`))
      const settle = (reply: Reply<T>) => {
        cancel()
        this.#pending.delete(unanswered)
        resolve(reply)
      }
      const unanswered = (cause: string) => settle({ status: 'unanswered', cause })
      // An error reply (READONLY, LOADING, MOVED, a broken script) ends the connection too: none is followed or retried
      // on the same one.
      const fail = (cause: string) => {
        this.destroy(cause)
        unanswered(cause)
      }
      this.#pending.add(unanswered)
      call().then(
        (raw) => {
          try {
            settle(codec.readReply(raw, read))
          } catch (error) {
            const { message } = error as Error
            fail(error instanceof WrongBuckets ? message : `malformed reply: ${message}`)
          }
        },
        (error: Error) => fail(this.#gone ?? advised(error.message)),
      )
    })
  }
}
