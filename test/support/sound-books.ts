import { SCRIPT } from '../../src/store/redis/script.generated.js'
import { Books } from './books.js'
import { freshPrefix } from './redis.js'

/** The lease that is in them, and one that is not. */
export const [LEASE, STRANGER] = ['1234567', '7654321'] as const

/** A cluster of one lease with one slot, written by hand and sound in every respect: what a test breaks is all that is wrong. */
export class SoundBooks extends Books {
  static async write(url: string): Promise<SoundBooks> {
    const books = new SoundBooks(url, freshPrefix())
    const { redis, keys } = books
    const info = await redis.info()
    const identity = `${/run_id:(\w+)/.exec(info)![1]}:${/master_replid:(\w+)/.exec(info)![1]}`
    await redis.hset(keys.meta, { identity, epoch: 'e', clock: '1000', time: String(await books.secondMs()) })
    await redis.hset(keys.admission, { [LEASE]: '1:e', about: '' })
    await redis.zadd(keys.leases, 16_000, LEASE)
    await books.slot('acme', 'c-1', LEASE)
    await redis.script('LOAD', SCRIPT)
    return books
  }

  /** Redis's own time, to the second before. */
  async secondMs(): Promise<number> {
    return Number((await this.redis.time())[0]) * 1_000
  }

  /** A slot with its index entry; `''` leaves one of the two out. */
  async slot(org: string, id: string, lease: string, entryOf = org): Promise<void> {
    if (org) await this.redis.zadd(this.keys.scope({ name: 'org', id: org }), lease, id)
    if (entryOf) await this.redis.hset(this.keys.conns(lease), id, `["org","${entryOf}"]\n{}`)
  }
}
