import { describe, expect, test } from 'vitest'
import { SortedIds } from '../../src/store/memory/sorted-ids.js'
import { memoryBench } from '../support/store-bench.js'
import { claim, done, StoreNode } from '../support/store-node.js'

/** A set that counts how many of its members were looked at one by one. */
class CountedSet extends Map<string, number> {
  looks = 0

  override *entries(): MapIterator<[string, number]> {
    for (const entry of super.entries()) {
      this.looks++
      yield entry
    }
  }

  override [Symbol.iterator](): MapIterator<[string, number]> {
    return this.entries()
  }

  override *values(): MapIterator<number> {
    for (const [, lease] of this.entries()) yield lease
  }

  override *keys(): MapIterator<string> {
    for (const [id] of this.entries()) yield id
  }
}

const HELD = 1_000

async function fullOrg() {
  const bench = memoryBench()
  const node = await StoreNode.join(bench)
  const set = new CountedSet(Array.from({ length: HELD }, (_, n) => [`c-${n}`, node.lease]))
  bench.store.tables.scopes.set('org:acme', set)
  set.looks = 0
  return { node, set, tables: bench.store.tables }
}

describe('of an org that holds very many the embedded store looks at none but those that it is asked about', () => {
  test('where it refuses one more', async () => {
    const { node, set } = await fullOrg()
    const refused = await node.acquire(claim('more', 'acme', HELD))
    expect(refused).toMatchObject([{ admitted: false, reason: 'full', count: HELD }])
    expect(set.looks).toBe(0)
  })

  test('where one takes the place of another', async () => {
    const { node, set } = await fullOrg()
    const taken = done(
      await node.connection.takeover(node.fence, [{ ...claim('more', 'acme', HELD), replaces: 'c-5' }]),
    )
    expect(taken).toMatchObject([{ admitted: true, tookOver: true, count: HELD }])
    expect([set.has('c-5'), set.has('more'), set.size]).toEqual([false, true, HELD])
    expect(set.looks).toBe(0)
  })

  test('and as long as a lease is dead it counts those of the others', async () => {
    const { node, set, tables } = await fullOrg()
    tables.dead.add(77)
    for (let n = 0; n < 10; n++) set.set(`c-${n}`, 77)
    expect(await node.acquire(claim('more', 'acme', HELD - 10))).toMatchObject([{ admitted: false, count: HELD - 10 }])
    const replaces = { ...claim('more', 'acme', HELD - 10), replaces: 'c-5' }
    expect(done(await node.connection.takeover(node.fence, [replaces]))).toMatchObject([{ admitted: false }])
    expect(await node.acquire(claim('more', 'acme', HELD - 9))).toMatchObject([{ admitted: true }])
  })
})

test('ids that come and go in any order are told in theirs', () => {
  const ids = new SortedIds()
  const names = Array.from({ length: 200 }, (_, n) => `c-${((n * 77) % 200).toString(36)}`)
  for (const name of names) ids.add(name)
  for (const name of names.filter((_, n) => n % 3 === 0)) ids.remove(name)
  const left = names.filter((_, n) => n % 3 !== 0).sort()
  expect(ids.page(0, 1_000)).toEqual(left)
  expect(ids.page(64, 64)).toEqual(left.slice(64, 128))
})
