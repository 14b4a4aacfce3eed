import type { Redis } from 'ioredis'
import type { Clock } from '../core/clock.js'
import { type Holder, type NodeEntry, type OrgCount, type StoreInspector, StoreUnavailable } from './lease-store.js'
import { decodeEntry, int, overrideOf, text } from './redis-codec.js'
import type { RedisKeys } from './redis-keys.js'
import type { RedisScript } from './redis-script.js'

/** Questions of operators may take longer than an admission, but not for ever. */
const DEADLINE_MS = 2_000
const ORGS_A_CALL = 200
const SCAN_COUNT = 500

/** Read-only questions, on a connection of their own, so that a long answer never delays a renewal. */
export class RedisInspector implements StoreInspector {
  readonly #redis: Redis
  readonly #keys: RedisKeys
  readonly #script: RedisScript
  readonly #clock: Clock
  #closed = false

  constructor(redis: Redis, keys: RedisKeys, script: RedisScript, { clock }: { clock: Clock }) {
    this.#redis = redis
    this.#keys = keys
    this.#script = script
    this.#clock = clock
    // The failure reaches whoever asks; without a listener ioredis would print it.
    redis.on('error', () => {})
  }

  async countOrgs(orgs: readonly string[]): Promise<OrgCount[]> {
    const counts: OrgCount[] = []
    for (let i = 0; i < orgs.length; i += ORGS_A_CALL) {
      const some = orgs.slice(i, i + ORGS_A_CALL)
      const sets = some.map((org) => this.#keys.scope({ name: 'org', id: org }))
      const flat = await this.#inspect(sets, ['orgs', ...some])
      some.forEach((org, j) => {
        counts.push({ org, count: Math.max(0, int(flat[2 * j])), override: overrideOf(String(flat[2 * j + 1])) })
      })
    }
    return counts
  }

  async listOrgs(cursor: string): Promise<{ cursor: string; orgs: string[] }> {
    const { orgPattern, orgPrefix, overrides } = this.#keys
    const [next, keys] = await this.#ask(() => this.#redis.scan(cursor, 'MATCH', orgPattern, 'COUNT', SCAN_COUNT))
    const orgs = keys.map((key) => key.slice(orgPrefix.length))
    if (cursor === '0') orgs.push(...(await this.#ask(() => this.#redis.hkeys(overrides))))
    return { cursor: next, orgs }
  }

  async holders(org: string, limit: number): Promise<Holder[]> {
    const flat = await this.#inspect([this.#keys.scope({ name: 'org', id: org })], ['holders', limit])
    const holders: { id: string; lease: number }[] = []
    for (let i = 0; i < flat.length; i += 2) holders.push({ id: text(flat[i]), lease: int(flat[i + 1]) })
    const entries = await this.#ask(() =>
      Promise.all(holders.map(({ id, lease }) => this.#redis.hget(this.#keys.conns(lease), id))),
    )
    return holders.map((holder, i) => ({ ...holder, details: decodeEntry(holder.id, entries[i] ?? '').details }))
  }

  async nodes(): Promise<NodeEntry[]> {
    const flat = await this.#inspect([], ['nodes'])
    const nodes: Omit<NodeEntry, 'connections'>[] = []
    for (let i = 0; i < flat.length; i += 3) {
      nodes.push({ lease: int(flat[i]), expiresInMs: int(flat[i + 1]), info: text(flat[i + 2]) })
    }
    const sizes = await this.#ask(() =>
      Promise.all(nodes.map(({ lease }) => this.#redis.hlen(this.#keys.conns(lease)))),
    )
    return nodes.map((node, i) => ({ ...node, connections: sizes[i] ?? 0 }))
  }

  /** Whoever asks afterwards is told so: a new connection would have nobody left to close it. */
  close(): void {
    this.#closed = true
    this.#redis.disconnect()
  }

  async #inspect(orgSets: readonly string[], args: readonly (string | number)[]): Promise<unknown[]> {
    const { live, dead, overrides, leases, meta, nodes } = this.#keys
    const raw = await this.#ask(() =>
      this.#script.run(this.#redis, [live, dead, overrides, leases, meta, nodes, ...orgSets], ['inspect', ...args]),
    )
    if (!Array.isArray(raw)) throw new StoreUnavailable('malformed reply')
    return raw
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new StoreUnavailable('the store is closed')
    let cancel = () => {}
    const deadline = new Promise<never>((_, reject) => {
      cancel = this.#clock.after(DEADLINE_MS, () => {
        this.#redis.disconnect()
        reject(new StoreUnavailable(`no answer within ${DEADLINE_MS} ms`))
      })
    })
    try {
      return await Promise.race([this.#connected().then(question), deadline])
    } catch (error) {
      throw error instanceof StoreUnavailable ? error : new StoreUnavailable((error as Error).message)
    } finally {
      cancel()
    }
  }

  /** Connects on first use and again after a loss; who comes while it connects waits for the same attempt. */
  #connecting: Promise<void> | undefined
  async #connected(): Promise<void> {
    if (this.#redis.status === 'ready') return
    this.#connecting ??= this.#redis.connect().finally(() => {
      this.#connecting = undefined
    })
    await this.#connecting
  }
}
