import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { doctor, type Finding } from '../support/doctor.js'
import { operate } from '../support/operator.js'
import { startLocalRedis, type TestRedis } from '../support/redis.js'
import { LEASE, SoundBooks, STRANGER } from '../support/sound-books.js'

let server: TestRedis

beforeAll(async () => {
  server = await startLocalRedis()
}, 30_000)

afterAll(() => server.stop())

/** Doctor spends most of its time waiting for its second look; each test has books of its own. */
describe.concurrent('what is planted', () => {
  const withBooks = test.extend<{ books: SoundBooks }>({
    // biome-ignore lint/correctness/noEmptyPattern: the runner reads from the pattern what a fixture needs.
    books: async ({}, use) => {
      const books = await SoundBooks.write(server.url)
      await use(books)
      books.close()
    },
  })

  withBooks('control: what is sound is found sound', async ({ books }) => {
    expect(await doctor(server.url, books.prefix)).toMatchObject({ code: 0, codes: [] })
  })

  withBooks('what was taken over and is to be closed is sound', async ({ books }) => {
    await books.slot('', 'c-2', LEASE, 'acme')
    await books.redis.zadd(books.keys.orders('takeover'), LEASE, 'c-2')
    expect(await doctor(server.url, books.prefix)).toMatchObject({ code: 0, codes: [] })
  })

  withBooks('control: no key that this version has is unknown', async ({ books: { keys, prefix, redis } }) => {
    for (const key of [keys.taken, keys.evicted, keys.probes, ...keys.allOrders]) await redis.zadd(key, LEASE, 'c-1')
    for (const key of Object.values(keys.journal)) await redis.xadd(key, '*', 'note', '{}')
    await redis.hset(keys.totals, 'admitted', 1)
    expect((await doctor(server.url, prefix)).codes).not.toContain('UNKNOWN_KEY')
  })

  const planted: readonly (readonly [code: string, detail: RegExp, plant: (books: SoundBooks) => Promise<unknown>])[] =
    [
      [
        'MEMBER_WITHOUT_LEASE',
        /connection ghost of lease 7654321/,
        (books) => books.slot('acme', 'ghost', STRANGER, ''),
      ],
      ['MEMBER_WITHOUT_INDEX', /connection c-2/, (books) => books.slot('acme', 'c-2', LEASE, '')],
      ['INDEX_WITHOUT_MEMBER', /connection c-2/, (books) => books.slot('', 'c-2', LEASE, 'acme')],
      ['INDEX_WITHOUT_LEASE', /^1 entry$/, (books) => books.slot('', 'c-2', STRANGER, 'acme')],
      ['FENCE_MISMATCH', /may act and never expires/, ({ redis, keys }) => redis.hset(keys.admission, STRANGER, '1:e')],
      [
        'FENCE_MISMATCH',
        /has an expiry and may not act/,
        ({ redis, keys }) => redis.zadd(keys.leases, 99_000, STRANGER),
      ],
      ['LEASE_LAPSED', /has lapsed/, ({ redis, keys }) => redis.zadd(keys.leases, 999, LEASE)],
      [
        'NODE_LATE',
        /^silent for 45 s, its lease ends in 15 s$/,
        ({ redis, keys }) => redis.hset(keys.nodes, LEASE, '{"name":"a","leaseTtlMs":60000,"renewIntervalMs":3000}'),
      ],
      ['DEAD_NOT_SWEPT', /is dead and not swept/, ({ redis, keys }) => redis.sadd(keys.dead, STRANGER)],
      ['ORDER_WITHOUT_LEASE', /connection c-9/, ({ redis, keys }) => redis.zadd(keys.orders('evict'), STRANGER, 'c-9')],
      [
        'FOREIGN_TYPE',
        /a string, not a zset/,
        ({ redis, keys }) => redis.set(keys.scope({ name: 'org', id: 'x' }), '1'),
      ],
      ['KEY_EXPIRES', /vanish/, ({ redis, keys }) => redis.expire(keys.conns(LEASE), 1_000)],
      ['UNKNOWN_KEY', /stray/, ({ redis, prefix }) => redis.set(`${prefix}stray`, '1')],
      [
        'ORG_OVER_LIMIT',
        /1 of 0/,
        ({ redis, keys }) => redis.hset(keys.admission, keys.scope({ name: 'org', id: 'acme' }), '0'),
      ],
      ['STORE_CHANGED', /another one/, ({ redis, keys }) => redis.hset(keys.meta, 'identity', 'a:b')],
      ['RECOVERING', /recovers/, ({ redis, keys }) => redis.hset(keys.meta, 'recovery', '9999')],
      [
        'NO_RENEWALS',
        /nobody has renewed for \d+ s/,
        async (books) => books.redis.hset(books.keys.meta, 'time', (await books.secondMs()) - 60_000),
      ],
      [
        'CLOCK_WENT_BACK',
        /by \d+ s/,
        async (books) => books.redis.hset(books.keys.meta, 'time', (await books.secondMs()) + 60_000),
      ],
      [
        'NO_NODES',
        /no node has a lease/,
        ({ redis, keys }) =>
          redis.del(keys.leases, keys.admission, keys.conns(LEASE), keys.scope({ name: 'org', id: 'acme' })),
      ],
    ]

  withBooks('of hundreds of thousands of findings the worst is what it ends with', async ({ books }) => {
    const { redis, keys, prefix } = books
    await redis.eval(`for i = 1, 150000 do redis.call('HSET', KEYS[1], i, '1:e') end`, 1, keys.admission)
    const { code, findings } = await doctor(server.url, prefix)
    expect([code, findings.length]).toEqual([2, 150_000])
  })

  withBooks.for(['meta', 'admission', 'leases', 'dead'] as const)(
    'what hangs on %s is not found odd where that is of a foreign type',
    async (name, { books: { redis, keys, prefix } }) => {
      await redis.set(keys[name], 'foreign')
      const told = await operate(['doctor', '--json', '--redis', server.url, '--key-prefix', prefix])
      const { findings } = JSON.parse(told.stdout) as { findings: Finding[] }
      expect(findings.map(({ code, subject }) => [code, subject])).toEqual([['FOREIGN_TYPE', keys[name]]])
    },
  )

  withBooks.for(planted)('%s: %s', async ([code, detail, plant], { books }) => {
    await plant(books)
    expect((await doctor(server.url, books.prefix)).findings).toMatchObject([
      { code, details: [expect.stringMatching(detail)] },
    ])
  })
})
