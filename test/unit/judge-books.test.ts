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

test('where there are too many keys to look at all, what was not looked at is not missing', () => {
  const keys = redisKeys('x')
  const [seen, unseen] = ['a', 'b'].map((id) => keys.scope({ name: 'org', id })) as [string, string]
  const facts = {
    ...{ skipped: [], timeMs: 0, info: new Map(), meta: { clock: '1000' }, admission: { '1': '', '2': '' } },
    ...{ leases: new Map(), nodes: {}, dead: new Set(), orders: new Map(), keys: [] },
    sets: new Map([[seen, new Map([['unlisted', '1']]).set('of-2', '2')]]),
    indexes: new Map([['1', new Map([['elsewhere', [unseen]]]).set('nowhere', [seen])]]),
  }
  const found = (allKeys: boolean) =>
    judgeBooks({ ...facts, allKeys } as never, keys).flatMap(({ code, item }) => (item ? [[code, item]] : []))
  const missing = [
    ['MEMBER_WITHOUT_INDEX', 'unlisted'],
    ['INDEX_WITHOUT_MEMBER', 'nowhere'],
  ]
  expect(found(false)).toEqual(missing)
  const all = [...missing, ['MEMBER_WITHOUT_INDEX', 'of-2'], ['INDEX_WITHOUT_MEMBER', 'elsewhere']]
  expect(found(true).sort()).toEqual(all.sort())
})
