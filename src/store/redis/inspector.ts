import type { Redis } from 'ioredis'
import type { BucketInspector, Holder, NodeEntry, OrgCount, WhichNodes } from '../lease-store.js'
import type { OrgOverrides } from '../override-records.js'
import { decodeEntry, int, MalformedReply, overrideOf, text } from './codec.js'
import type { RedisKeys } from './keys.js'
import { readOrg } from './overrides.js'
import type { RedisQuestions } from './questions.js'
import type { RedisScript } from './script.js'

const ORGS_A_CALL = 200
const SCAN_COUNT = 500
/** Cursors of the second half of the list, over what operators have set. */
const OVERRIDES = 'o'

/** Read-only questions, on a connection of their own, so that a long answer never delays a renewal. */
export class RedisInspector implements BucketInspector {
  readonly #questions: RedisQuestions
  readonly #keys: RedisKeys
  readonly #script: RedisScript

  constructor(questions: RedisQuestions, keys: RedisKeys, script: RedisScript) {
    this.#questions = questions
    this.#keys = keys
    this.#script = script
  }

  async countOrgs(orgs: readonly string[]): Promise<OrgCount[]> {
    const counts: OrgCount[] = []
    for (let i = 0; i < orgs.length; i += ORGS_A_CALL) {
      const some = orgs.slice(i, i + ORGS_A_CALL)
      const sets = some.map((org) => this.#keys.scope({ name: 'org', id: org }))
      const counted = await this.#inspect(sets, ['orgs'], (flat) =>
        some.map((org, j): OrgCount => {
          return { org, count: Math.max(0, int(flat[2 * j])), override: overrideOf(String(flat[2 * j + 1])) }
        }),
      )
      counts.push(...counted)
    }
    return counts
  }

  async listOrgs(cursor: string): Promise<{ cursor: string; orgs: string[] }> {
    if (cursor.startsWith(OVERRIDES)) return this.#listOverrides(cursor.slice(OVERRIDES.length))
    const [next, keys] = await this.#questions.ask((redis) =>
      redis.scan(cursor, 'MATCH', this.#keys.orgPattern, 'COUNT', SCAN_COUNT),
    )
    const orgs = this.#orgsOf(keys)
    if (next !== '0') return { cursor: next, orgs }
    // So that where there are few, one page has them all.
    const overrides = await this.#listOverrides('0')
    return { ...overrides, orgs: [...orgs, ...overrides.orgs] }
  }

  /** An override stands under the name of its org's set, beside the tokens of the leases. */
  async #listOverrides(cursor: string): Promise<{ cursor: string; orgs: string[] }> {
    const [next, found] = await this.#questions.ask((redis) =>
      redis.hscan(this.#keys.admission, cursor, 'MATCH', this.#keys.orgPattern, 'COUNT', SCAN_COUNT),
    )
    const names = found.filter((_, i) => i % 2 === 0)
    return { cursor: next === '0' ? next : `${OVERRIDES}${next}`, orgs: this.#orgsOf(names) }
  }

  #orgsOf(keys: readonly string[]): string[] {
    const { orgPrefix } = this.#keys
    return keys.filter((key) => key.startsWith(orgPrefix)).map((key) => key.slice(orgPrefix.length))
  }

  async overridesOf(org: string): Promise<OrgOverrides> {
    const set = this.#keys.scope({ name: 'org', id: org })
    const fields = [`override:${set}`, `tier:${set}`]
    const [override = null, tier = null] = await this.#questions.ask((redis) =>
      redis.hmget(this.#keys.overrides[0], ...fields),
    )
    return readOrg({ override, tier })
  }

  async holders(org: string, limit: number): Promise<Holder[]> {
    const set = this.#keys.scope({ name: 'org', id: org })
    const holders = await this.#inspect([set], ['holders', limit], (flat) => {
      const found: { id: string; lease: number }[] = []
      for (let i = 0; i < flat.length; i += 2) found.push({ id: text(flat[i]), lease: int(flat[i + 1]) })
      return found
    })
    const entries = await this.#questions.ask((redis) =>
      Promise.all(holders.map(({ id, lease }) => redis.hget(this.#keys.conns(lease), id))),
    )
    return holders.map(({ id, lease }, i) => ({ lease, ...decodeEntry(id, entries[i] ?? '') }))
  }

  async orgOf(id: string): Promise<string | undefined> {
    const entries = await this.#questions.ask(async (redis) => {
      const leases = await redis.zrange(this.#keys.leases, '0', '-1')
      return Promise.all(leases.map((lease) => redis.hget(this.#keys.conns(lease), id)))
    })
    const entry = entries.find((found) => found !== null)
    return entry === undefined || entry === null ? undefined : decodeEntry(id, entry).scopes[0]?.id
  }

  async nodes({ uncounted = false, asOfNow = false }: WhichNodes = {}): Promise<NodeEntry[]> {
    const found = this.#inspect([], ['nodes'], (flat) => {
      const nodes: Omit<NodeEntry, 'connections'>[] = []
      for (let i = 0; i < flat.length; i += 3) {
        nodes.push({ lease: int(flat[i]), expiresInMs: int(flat[i + 1]), info: text(flat[i + 2]) })
      }
      return nodes
    })
    const [entries, silentMs] = await Promise.all([found, asOfNow ? this.#silentMs() : 0])
    const nodes = entries.map((node) => ({ ...node, expiresInMs: node.expiresInMs - silentMs }))
    if (uncounted) return nodes.map((node) => ({ ...node, connections: 0 }))
    return this.#questions.ask((redis) =>
      Promise.all(nodes.map(async (node) => ({ ...node, connections: await this.#connectionsOf(redis, node.lease) }))),
    )
  }

  /**
   * Of what was taken over the entry stays until its node has closed it, or is swept: it holds no slot any more. The order
   * may stay a while longer than the entry.
   */
  async #connectionsOf(redis: Redis, lease: number): Promise<number> {
    const conns = this.#keys.conns(lease)
    const takenOver = this.#keys.orders('takeover')
    const [size, ordered] = await Promise.all([redis.hlen(conns), redis.zrangebyscore(takenOver, lease, lease)])
    if (ordered.length === 0) return size
    const entries = await redis.hmget(conns, ...ordered)
    return Math.max(0, size - entries.filter((entry) => entry !== null).length)
  }

  /** Since anybody has moved the store's clock; 0 where Redis's own was set back meanwhile. */
  #silentMs(): Promise<number> {
    return this.#questions.ask(async (redis) => {
      const [[seconds, micros], time] = await Promise.all([redis.time(), redis.hget(this.#keys.meta, 'time')])
      const nowMs = int(seconds) * 1_000 + Math.floor(int(micros) / 1_000)
      return time === null ? 0 : Math.max(0, nowMs - int(time))
    })
  }

  /** Read as part of the question: a reply that cannot be read is no answer either. */
  #inspect<T>(
    orgSets: readonly string[],
    args: readonly (string | number)[],
    read: (flat: unknown[]) => T,
  ): Promise<T> {
    const { admission, dead, leases, meta, nodes } = this.#keys
    return this.#questions.ask(async (redis) => {
      const keys = [admission, dead, leases, meta, nodes, ...orgSets]
      const raw = await this.#script.run(redis, keys, ['inspect', ...args])
      if (!Array.isArray(raw)) throw new MalformedReply(`expected a list, got ${typeof raw}`)
      return read(raw)
    })
  }
}
