import { asShown } from '../../admin/shown.js'
import { systemClock } from '../../core/clock.js'
import { UsageError } from '../../core/errors.js'
import { leaseTiming } from '../../core/lease-timing.js'
import { ClusterStats } from '../../limiter/cluster-stats.js'
import { HOLDERS_TOLD } from '../../limiter/holders.js'
import { LIMITER_DEFAULTS } from '../../limiter/options.js'
import { JOURNAL_ALL } from '../../store/journal.js'
import { type SharedState, StoreUnavailable } from '../../store/lease-store.js'
import { MissingBuckets } from '../../store/missing-buckets.js'
import { RedisExaminer } from '../../store/redis/examiner.js'
import { openRedis } from '../../store/redis/open.js'
import type { StoreFacts } from '../../store/redis/store-facts.js'
import { waysTo } from '../../store/redis/ways.js'
import { CliError } from '../cli-error.js'
import type { BucketFacts, Holder, Nodes, NoteQuery, Notes, OrgLimits, Orgs, Source } from './source.js'

/** Answers straight from Redis, for when no node can be asked. It reads and changes nothing. */
export class RedisSource implements Source {
  readonly description: string
  readonly #store: SharedState
  readonly #stats: ClusterStats
  readonly #examiners: readonly RedisExaminer[]

  constructor(url: string, keyPrefix: string) {
    // A store needs the times of a lease only for connections that hold one.
    const { leaseTtlMs: ttlMs, renewIntervalMs, storeTimeoutMs: callTimeoutMs } = LIMITER_DEFAULTS
    const timing = leaseTiming({ ttlMs, renewIntervalMs, callTimeoutMs })
    try {
      this.#store = openRedis({ url, keyPrefix, timing, clock: systemClock })
      this.#examiners = waysTo(url, systemClock).map((way) => new RedisExaminer(way, keyPrefix, systemClock))
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      throw new CliError(error.message, 'docs/redis.md has the forms')
    }
    this.description = this.#store.description
    // Defaults and the tiers of keys are the nodes' own settings. What is compared with no number is never too many.
    this.#stats = new ClusterStats(this.#store.inspector, { connectionsPerOrg: Number.NaN, tierOf: () => undefined })
  }

  async orgs(): Promise<Orgs> {
    const partly = new MissingBuckets()
    const orgs = await this.#ask(() => this.#stats.allOrgs({ partly }))
    return asShown({ orgs, ...partly.told })
  }

  async limits(orgId: string): Promise<OrgLimits> {
    const limits = await this.#ask(() => this.#stats.limits(orgId))
    const limitFrom = limits.limitFrom === 'default' ? null : limits.limitFrom
    return asShown({ ...limits, limitFrom })
  }

  async holders(orgId: string): Promise<{ connections: readonly Holder[]; truncated: boolean }> {
    return this.#ask(() => this.#stats.holders(orgId, HOLDERS_TOLD))
  }

  async nodes(orgId?: string): Promise<Nodes> {
    const partly = new MissingBuckets()
    const nodes = await this.#ask(() => this.#stats.nodes({ org: orgId, asOfNow: true, partly }))
    return asShown({ nodes, ...partly.told })
  }

  async refusals({ org, requestId, limit }: NoteQuery): Promise<Notes> {
    // What checks notes takes long to load, and all other questions do without.
    const { isAbout, readNote } = await import('../../admin/schemas.js')
    const entries = await this.#ask(() => this.#store.journal.read({ limit: JOURNAL_ALL }))
    const notes = entries.flatMap(({ text }) => readNote(text) ?? [])
    return { refusals: notes.filter((note) => isAbout(note, { orgId: org, requestId })).slice(0, limit), of: 'cluster' }
  }

  async stats(): Promise<undefined> {}

  admin(): Promise<never> {
    return Promise.reject(
      new CliError('--redis only reads what the store holds', 'ask a node for this: --admin URL, without --redis'),
    )
  }

  facts(): Promise<BucketFacts[]> {
    return this.#ask(() => this.#examine())
  }

  close(): Promise<void> {
    for (const examiner of this.#examiners) examiner.close()
    return this.#store.close()
  }

  /** One that is away must not keep anybody from looking at the others; where all are, it is as if there were but one. */
  async #examine(): Promise<BucketFacts[]> {
    // All at once: for each that is away it is waited, and that one after the other took half a minute.
    const answers = await Promise.all(this.#examiners.map((examiner) => orAway(() => examiner.info())))
    const found: BucketFacts[] = []
    // One after the other: what they hold of a large cluster need not be in memory at once, nor all be asked together.
    for (const [bucket, examiner] of this.#examiners.entries()) {
      const info = answers[bucket]!
      const look = async (facts: StoreFacts['info']) => ({ facts: await examiner.examine(facts), keys: examiner.keys })
      found.push(isAway(info) ? info : await orAway(() => look(info)))
    }
    if (found.every(isAway)) throw this.#unavailable(found[0]!.away)
    return found
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question()
    } catch (error) {
      if (error instanceof UsageError) throw new CliError(error.message, 'an org id has 1 to 256 characters')
      if (!(error instanceof StoreUnavailable)) throw error
      throw this.#unavailable(error.message)
    }
  }

  #unavailable(why: string): CliError {
    return new CliError(`${this.description}: ${why}`, 'docs/redis.md says what each failure means')
  }
}

type Away = Extract<BucketFacts, { readonly away: string }>

const isAway = (answer: object): answer is Away => 'away' in answer

async function orAway<T>(look: () => Promise<T>): Promise<T | Away> {
  try {
    return await look()
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error
    return { away: error.message }
  }
}
