import type {
  Claim,
  Fence,
  HelloReply,
  HelloRequest,
  IndexEntry,
  RenewReply,
  Reply,
  ScopeClaim,
  ScopeRef,
  StoreConnection,
  SweepReply,
  TakeoverClaim,
} from '../../src/store/lease-store.js'
import type { Order, OrderRequest } from '../../src/store/orders.js'
import type { OverrideRecord, OverrideTerms } from '../../src/store/override-records.js'
import { IDS, type Limits, NODES, type Step } from './steps.js'

/** One call as plain data, so that it can be said to two stores, and said again later. */
export type Call =
  | { verb: 'hello'; request: HelloRequest }
  | { verb: 'acquire'; fence: Fence; claims: Claim[]; again: boolean }
  | { verb: 'takeover'; fence: Fence; claims: TakeoverClaim[] }
  | { verb: 'release'; fence: Fence; claims: Claim[] }
  | { verb: 'renew'; fence: Fence }
  | { verb: 'sweep'; fence: Fence; dead: number; entries: readonly IndexEntry[] }
  | { verb: 'leave'; fence: Fence }
  | { verb: 'reassert'; fence: Fence; claims: Claim[]; mode: 'keep' | 'room'; final: boolean }
  | { verb: 'override'; fence: Fence; org: string; limit: number | undefined; terms: OverrideTerms }
  | { verb: 'learn'; fence: Fence; after: number }
  | { verb: 'restore'; fence: Fence; records: OverrideRecord[] }
  | { verb: 'audit'; fence: Fence; cursor: string | undefined; claims: Claim[] }
  | { verb: 'order'; fence: Fence; request: OrderRequest }
  | { verb: 'drain'; fence: Fence; other: number }
  | { verb: 'probe'; fence: Fence; scope: ScopeRef }
  | { verb: 'confirm'; fence: Fence; orders: Order[] }

/** What the verb promises for an answer: the readers know which it was. */
export type Answer = Reply<unknown>

export function say(to: StoreConnection, call: Call): Promise<Answer> {
  switch (call.verb) {
    case 'hello':
      return to.hello(call.request)
    case 'acquire':
      return to.acquire(call.fence, call.claims, call)
    case 'takeover':
      return to.takeover(call.fence, call.claims)
    case 'release':
      return to.release(call.fence, call.claims)
    case 'renew':
      return to.renew(call.fence)
    case 'sweep':
      return to.sweep(call.fence, call.dead, call.entries)
    case 'leave':
      return to.leave(call.fence)
    case 'reassert':
      return to.reassert(call.fence, call.claims, call)
    case 'override':
      return to.override(call.fence, call.org, call.limit, call.terms)
    case 'learn':
      return to.learn(call.fence, call.after)
    case 'restore':
      return to.restore(call.fence, call.records)
    case 'audit':
      return to.audit(call.fence, call.cursor, call.claims)
    case 'order':
      return to.order(call.fence, call.request)
    case 'drain':
      return to.drain(call.fence, call.other)
    case 'probe':
      return to.probe(call.fence, call.scope)
    case 'confirm':
      return to.confirm(call.fence, call.orders)
  }
}

/** One renewal lists at most 16 leases, and the twin knows no such bound: stay below it. */
const MOST_LEASES = 14

const ORG_NAMES = ['plain', '{1}:admission', '__proto__']

/** What is probed: the orgs, a gateway, and a scope that nobody holds anything in. */
const SCOPES: readonly ScopeRef[] = [
  ...ORG_NAMES.map((id) => ({ name: 'org', id })),
  { name: 'gateway', id: 'g1' },
  { name: 'gateway', id: 'none' },
]

/**
 * Every other id begins with a lease, as those that nodes make do: with the one that the node acts under, or with its first
 * one, which it may have lost since. Of the rest any node may say that it holds it, which no node would.
 */
function idOf(number: number, { lease, firstLease }: Pick<SimulatedNode, 'lease' | 'firstLease'>): string {
  if (number % 2 === 0) return `c${number}`
  return `${(number % 4 === 1 ? lease : firstLease).toString(36)}-${number}`
}

interface SimulatedNode {
  readonly lease: number
  readonly firstLease: number
  readonly generation: number
  readonly epoch: string | undefined
}

/** What the nodes know: turns steps into calls, and learns from the answers unless they were lost. */
export class World {
  readonly #limits: Limits
  readonly #nodes: SimulatedNode[]
  readonly #said: Call[] = []
  readonly #dead: number[] = []
  readonly #carried = new Map<number, readonly IndexEntry[]>()
  /** Who was ordered to go last, by number. */
  #evicted: readonly number[] = []
  #leases = 0
  #epochs = 0

  constructor(limits: Limits) {
    this.#limits = limits
    this.#nodes = Array.from({ length: NODES }, () => this.#newNode())
  }

  /** The call that a step stands for, if it is one. */
  callOf(step: Step): Call | undefined {
    const call = step.kind === 'late' ? this.#said.at(-1 - step.back) : this.#makeCall(step)
    if (call) this.#said.push(call)
    return call
  }

  learn(step: Step, call: Call, answer: Answer): void {
    const heard = !('lost' in step && step.lost)
    if (call.verb === 'hello' && step.kind === 'hello')
      this.#learnOfHello(step.node, call.request, heard ? answer : undefined)
    if (answer.status !== 'ok' || !heard) return
    const { value } = answer
    if (call.verb === 'renew') this.#dead.push(...(value as RenewReply).dead)
    if (call.verb === 'sweep') this.#carried.set(call.dead, (value as SweepReply).next)
  }

  /** A first hello of which nobody heard the answer is said again with the next generation. */
  #learnOfHello(node: number, { lease, generation, known }: HelloRequest, answer: Answer | undefined): void {
    const { firstLease } = this.#nodes[node]!
    if (!answer && !known) this.#nodes[node] = { lease, firstLease, generation, epoch: undefined }
    if (answer?.status !== 'ok') return
    this.#nodes[node] = { lease, firstLease, generation, epoch: (answer.value as HelloReply).epoch }
  }

  #newNode(firstLease?: number): SimulatedNode {
    this.#leases += 1
    const lease = 7_000_000_000_000 + this.#leases
    return { lease, firstLease: firstLease ?? lease, generation: 0, epoch: undefined }
  }

  #makeCall(step: Step): Call | undefined {
    if (!('node' in step)) return undefined
    const node = this.#nodes[step.node]!
    const { lease, generation, epoch = 'never' } = node
    const fence = { lease, generation, epoch }
    switch (step.kind) {
      case 'hello':
        return { verb: 'hello', request: this.#helloOf(step) }
      case 'acquire':
        return { verb: 'acquire', fence, claims: step.ids.map((id) => this.#claim(id, node)), again: step.again }
      case 'takeover': {
        const replaced = (id: number, i: number) =>
          idOf((id + step.replaced[i]!) % IDS, step.replaced[i] === 0 ? node : this.#nodes[(step.node + i) % NODES]!)
        return {
          verb: 'takeover',
          fence,
          claims: step.ids.map((id, i) => ({ ...this.#claim(id, node), replaces: replaced(id, i) })),
        }
      }
      case 'release':
        return { verb: 'release', fence, claims: step.ids.map((id) => this.#claim(id, node)) }
      case 'reassert': {
        const { mode, final } = step
        const ids = new Set([...step.ids, ...(step.evicted ? this.#evicted : [])])
        return { verb: 'reassert', fence, claims: [...ids].map((id) => this.#claim(id, node)), mode, final }
      }
      case 'sweep': {
        const dead = this.#dead.at(-1 - step.dead) ?? this.#nodes[step.dead % NODES]!.lease
        return { verb: 'sweep', fence, dead, entries: step.carry ? (this.#carried.get(dead) ?? []) : [] }
      }
      case 'override':
        return { verb: 'override', fence, org: ORG_NAMES[step.org]!, limit: step.limit, terms: step.terms }
      case 'learn':
        return { verb: 'learn', fence, after: step.after }
      case 'restore': {
        const records = step.records.map((record) => ({ ...record, org: ORG_NAMES[record.org]! }))
        return { verb: 'restore', fence, records }
      }
      case 'order': {
        const [org, limit] = [ORG_NAMES[step.org]!, this.#limits.org[step.org]!]
        // Mostly of the org: another's holds nothing there.
        const named = step.ids.map((id, i) => (i % 4 === 3 ? id : id - (id % ORG_NAMES.length) + step.org))
        if (step.order === 'evict') this.#evicted = named
        const ids = named.map((id, i) => idOf(id, this.#nodes[(step.node + i) % NODES]!))
        return { verb: 'order', fence, request: { kind: step.order, org, limit, ids } }
      }
      case 'drain':
        return { verb: 'drain', fence, other: this.#nodes[step.other]!.lease }
      case 'probe':
        return { verb: 'probe', fence, scope: SCOPES[step.scope]! }
      case 'confirm':
        return { verb: 'confirm', fence, orders: step.ids.map((id) => ({ kind: step.order, id: idOf(id, node) })) }
      case 'audit':
        return {
          verb: 'audit',
          fence,
          cursor: step.page ? '0' : undefined,
          claims: step.ids.map((id) => this.#claim(id, node)),
        }
      default:
        return { verb: step.kind, fence }
    }
  }

  #helloOf(step: Extract<Step, { kind: 'hello' }>): HelloRequest {
    const old = this.#nodes[step.node]!
    const fresh = old.epoch === undefined || (step.fresh && this.#leases < MOST_LEASES)
    const node = fresh && old.epoch !== undefined ? this.#newNode(old.firstLease) : old
    this.#epochs += 1
    const { lease, epoch } = node
    return {
      lease,
      generation: Math.max(1, node.generation + step.generationStep),
      ...(!fresh && epoch !== undefined && { known: { generation: node.generation, epoch } }),
      ...(fresh && old.epoch !== undefined && { lastEpoch: old.epoch }),
      proposedEpoch: `e${this.#epochs}`,
      proposedSecret: `s${this.#epochs}`,
      reasserting: step.reasserting,
      nodeInfo: `{"node":${step.node}}`,
    }
  }

  /** Connection ids keep their scopes for life: one, two or four of them. Every fourth has priority. */
  #claim(number: number, node: SimulatedNode): Claim {
    const org = number % ORG_NAMES.length
    const gateway = { name: 'gateway', id: `g${number % 2}`, limit: this.#limits.gateway[number % 2]! }
    const address = { name: 'address', id: '192.0.2.1', limit: this.#limits.address }
    const cluster = { name: 'cluster', id: '', limit: this.#limits.cluster }
    const four = [gateway, address, cluster]
    const more: ScopeClaim[][] = [[], [gateway], four, four]
    const { reserve } = this.#limits
    return {
      id: idOf(number, node),
      scopes: [
        { name: 'org', id: ORG_NAMES[org]!, limit: this.#limits.org[org]! },
        ...more[Math.floor((4 * number) / IDS)]!,
      ],
      ...(reserve && number % 4 !== 3 && { reserve }),
      details: `of ${number}`,
    }
  }
}
