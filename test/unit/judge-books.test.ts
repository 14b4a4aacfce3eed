import { expect, test } from 'vitest'
import { judgeBooks } from '../../src/cli/doctor/judge-books.js'
import { redisKeys } from '../../src/store/redis/keys.js'

test('a silent node is found by its lease: one of the same name, or in another bucket, is another finding', () => {
  const info = '{"name":"a","leaseTtlMs":60000,"renewIntervalMs":3000}'
  const facts = {
    ...{ skipped: [], timeMs: 0, info: new Map(), meta: { clock: '1000' }, admission: { '1': '', '2': '', '3': '' } },
    leases: new Map([
      ['1', 900],
      ['2', 30_000],
      ['3', 61_000],
    ]),
    nodes: { '1': info, '2': info, '3': info },
    ...{ dead: new Set(), sets: new Map(), indexes: new Map(), orders: new Map(), keys: [] },
  }
  const found = judgeBooks(facts as never, redisKeys('x'))
  expect(found.filter(({ subject }) => subject === 'a').map(({ code, item }) => [code, item])).toEqual([
    ['LEASE_LAPSED', '1'],
    ['NODE_LATE', '2'],
  ])
})
