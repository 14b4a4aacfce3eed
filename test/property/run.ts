import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect } from 'vitest'
import type {
  HelloReply,
  IndexEntry,
  ReassertVerdict,
  RenewReply,
  StoreConnection,
  Verdict,
} from '../../src/store/lease-store.js'
import type { OrderReply, ProbeReply } from '../../src/store/orders.js'
import { memoryBench, type RedisBench, type StoreBench, TIMING } from '../support/store-bench.js'
import { fingerprint, type StoreContents } from '../support/store-contents.js'
import { done } from '../support/store-node.js'
import { Ledger } from './ledger.js'
import { anyLimits, anySteps, type Limits, type Step } from './steps.js'
import { type Answer, type Call, say, World } from './world.js'

/** Who looks at what the store does: the twin, the ledger, or both. */
export type Judges = { readonly twin: boolean; readonly ledger: boolean }

const START_MS = Date.UTC(2030, 0, 1)

/** How often each verb was answered in each way: what a run has reached. */
export type Reached = Map<string, number>

/** Every sequence of steps keeps the promises, and the keepers of the contract agree in every reply and every table. */
export async function checkSequences(
  redis: RedisBench,
  connection: StoreConnection,
  judges: Judges,
  parameters: fc.Parameters<[Limits, Step[]]>,
): Promise<Reached> {
  const reached: Reached = new Map()
  const property = fc.asyncProperty(anyLimits, anySteps, async (limits, steps) => {
    await redis.wipe()
    await new Sequence(redis, connection, limits, judges).run(steps, reached)
  })
  await fc.assert(property, parameters)
  return reached
}

/** One sequence over Redis and, beside it, a fresh twin and a fresh ledger. */
class Sequence {
  readonly #redis: RedisBench
  readonly #connection: StoreConnection
  readonly #twin = memoryBench({ recovery: true })
  readonly #world: World
  readonly #ledger = new Ledger(TIMING)
  readonly #judges: Judges
  #nowMs = START_MS

  constructor(redis: RedisBench, connection: StoreConnection, limits: Limits, judges: Judges) {
    this.#redis = redis
    this.#connection = connection
    this.#world = new World(limits)
    this.#judges = judges
  }

  async run(steps: readonly Step[], reached: Reached): Promise<void> {
    const twin = done(await this.#twin.store.connect())
    await this.#both((bench) => bench.setTime(this.#nowMs))
    let before = await this.#redis.contents()
    for (const [i, step] of steps.entries()) {
      const at = `step ${i}, ${JSON.stringify(step)}`
      const call = this.#world.callOf(step)
      if (!call) {
        await this.#happen(step)
        before = await this.#redis.contents()
        continue
      }
      const answer = await say(this.#connection, call)
      const after = await this.#redis.contents()
      const twinAnswer = await say(twin, call)
      if (this.#judges.twin) await this.#compare(at, answer, twinAnswer, after)
      try {
        if (this.#judges.ledger) this.#ledger.enter(call, answer, this.#nowMs, before, after)
      } catch (cause) {
        throw new Error(`${at}: ${(cause as Error).message}`, { cause })
      }
      this.#world.learn(step, call, answer)
      for (const way of waysOf(step, call, answer, after)) reached.set(way, (reached.get(way) ?? 0) + 1)
      before = after
    }
  }

  /** What happens to the store without a call. */
  async #happen(step: Step): Promise<void> {
    if (step.kind === 'time') {
      this.#nowMs = Math.max(0, this.#nowMs + step.ms)
      await this.#both((bench) => bench.setTime(this.#nowMs))
    }
    if (step.kind === 'wipe') {
      await this.#both((bench) => bench.wipe())
      this.#ledger.wiped()
    }
    if (step.kind === 'another' && (await this.#redis.contents()).epoch !== undefined) {
      await this.#both((bench) => bench.becomeAnother())
      this.#ledger.becameAnother()
    }
  }

  async #both(change: (bench: StoreBench) => Promise<void>): Promise<void> {
    await change(this.#redis)
    await change(this.#twin)
  }

  async #compare(at: string, redis: Answer, twin: Answer, redisTables: StoreContents): Promise<void> {
    if (!isDeepStrictEqual(ordered(redis), ordered(twin)))
      expect(ordered(redis), `${at}: replies`).toEqual(ordered(twin))
    const twinTables = await this.#twin.contents()
    const [ofRedis, ofTwin] = [fingerprint(redisTables), fingerprint(twinTables)]
    if (ofRedis !== ofTwin) expect(ofRedis, `${at}: tables`).toBe(ofTwin)
  }
}

/** Lists whose order the contract leaves open, in one order. */
function ordered(answer: Answer): Answer {
  if (answer.status !== 'ok' || typeof answer.value !== 'object' || Array.isArray(answer.value)) return answer
  const value = { ...answer.value } as { dead?: number[]; next?: IndexEntry[]; entries?: IndexEntry[] }
  const byId = (a: IndexEntry, b: IndexEntry) => (a.id < b.id ? -1 : 1)
  if (value.dead) value.dead = value.dead.toSorted()
  if (Array.isArray(value.next)) value.next = value.next.toSorted(byId)
  if (value.entries) value.entries = value.entries.toSorted(byId)
  return { status: 'ok', value }
}

/** What a call met, in a few words. */
function waysOf(step: Step, call: Call, answer: Answer, after: StoreContents): string[] {
  const verb = step.kind === 'late' ? `late ${call.verb}` : call.verb
  if (answer.status === 'refused') return [`${verb}: ${answer.reason}`]
  const { value } = answer as { value: unknown }
  if (call.verb === 'renew' && (value as RenewReply).dead.length > 0) return [`${verb}: tells of the dead`]
  if (call.verb === 'renew' && (value as RenewReply).orders.length > 0) return [`${verb}: tells of orders`]
  if (call.verb === 'renew' && (value as RenewReply).probes.length > 0) return [`${verb}: tells of probes`]
  if (call.verb === 'probe') return [`${verb}: ${(value as ProbeReply).asked > 0 ? 'asked' : 'nobody to ask'}`]
  if (call.verb === 'order') return (value as OrderReply).verdicts.map((word) => `${verb}: ${word}`)
  if (call.verb === 'drain') return [`${verb}: ${value}`]
  if (call.verb === 'sweep' && call.entries.length > 0) return [`${verb}: carries entries`]
  if (call.verb === 'hello' && (value as HelloReply).newEpoch) return [`${verb}: new epoch`]
  if (call.verb === 'hello' && !call.request.known && call.request.generation > 1) return [`${verb}: said again`]
  if (!Array.isArray(value)) return [`${verb}: ${answer.status}`]
  return value.flatMap((one: ReassertVerdict | Verdict, i) => {
    if (call.verb === 'reassert' && one === 'kept' && after.orders.get('evict')?.has(call.claims[i]!.id))
      return [`${verb}: kept`, `${verb}: ordered anew`]
    if (typeof one === 'string') return [`${verb}: ${one}`]
    const scopes = 'claims' in call ? call.claims[i]!.scopes.length : 0
    if (one.admitted && one.tookOver) return [`${verb}: took over`]
    if (one.admitted) return [`${verb}: admitted`, `${verb}: admitted to ${scopes}`]
    if (one.reason !== 'full') return [`${verb}: ${one.reason}`]
    const place = `${verb}: full in scope ${one.scope + 1} of ${scopes}`
    return [`${verb}: full${'freeInMs' in one ? ', will be free' : ''}`, one.reserved ? `${place}, reserved` : place]
  })
}
