import {
  type Holder,
  type NodeEntry,
  type OrgCount,
  type StoreInspector,
  StoreUnavailable,
  type WhichNodes,
} from './lease-store.js'
import type { OrgOverrides } from './override-records.js'
import { decodeEntry, int, overrideOf, text } from './redis-codec.js'
import type { RedisKeys } from './redis-keys.js'
import { readOrg } from './redis-overrides.js'
import type { RedisQuestions } from './redis-questions.js'
import type { RedisScript } from './redis-script.js'

const ORGS_A_CALL = 200
const SCAN_COUNT = 500
/** Cursors of the second half of the list, over what operators have set. */
const OVERRIDES = 'o'

/** Read-only questions, on a connection of their own, so that a long answer never delays a renewal. */
export class RedisInspector implements StoreInspector {
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
      const flat = await this.#inspect(sets, ['orgs'])
      some.forEach((org, j) => {
        counts.push({ org, count: Math.max(0, int(flat[2 * j])), override: overrideOf(String(flat[2 * j + 1])) })
      })
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
    const flat = await this.#inspect([this.#keys.scope({ name: 'org', id: org })], ['holders', limit])
    const holders: { id: string; lease: number }[] = []
    for (let i = 0; i < flat.length; i += 2) holders.push({ id: text(flat[i]), lease: int(flat[i + 1]) })
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

  async nodes({ uncounted = false }: WhichNodes = {}): Promise<NodeEntry[]> {
    const flat = await this.#inspect([], ['nodes'])
    const nodes: Omit<NodeEntry, 'connections'>[] = []
    for (let i = 0; i < flat.length; i += 3) {
      nodes.push({ lease: int(flat[i]), expiresInMs: int(flat[i + 1]), info: text(flat[i + 2]) })
    }
    if (uncounted) return nodes.map((node) => ({ ...node, connections: 0 }))
    const sizes = await this.#questions.ask((redis) =>
      Promise.all(nodes.map(({ lease }) => redis.hlen(this.#keys.conns(lease)))),
    )
    return nodes.map((node, i) => ({ ...node, connections: sizes[i] ?? 0 }))
  }

  async #inspect(orgSets: readonly string[], args: readonly (string | number)[]): Promise<unknown[]> {
    const { admission, dead, leases, meta, nodes } = this.#keys
    const raw = await this.#questions.ask((redis) =>
      this.#script.run(redis, [admission, dead, leases, meta, nodes, ...orgSets], ['inspect', ...args]),
    )
    if (!Array.isArray(raw)) throw new StoreUnavailable('malformed reply')
    return raw
  }
}
