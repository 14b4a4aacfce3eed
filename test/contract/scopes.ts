import { describe, expect, test } from 'vitest'
import type { Reserve } from '../../src/core/reserve.js'
import type { Claim } from '../../src/store/lease-store.js'
import { fingerprint } from '../support/store-contents.js'
import { claim, claims, StoreNode } from '../support/store-node.js'
import type { BenchOf } from './suite.js'

/** As many scopes as a server claims: its org, gateway, address and cluster. */
const FOUR = ['org', 'gateway', 'address', 'cluster']
const of4 = (id: string, limits: readonly number[]): Claim => {
  const [org = 0, ...more] = limits
  return claim(id, 'acme', org, ...more.map((limit, i) => ({ name: FOUR[i + 1]!, id: 'x', limit })))
}

const MOST = ['org', 'gateway', 'address', 'cluster', 'one', 'two', 'three', 'four']

export function scopeTests(bench: BenchOf): void {
  describe('a claim of four scopes', () => {
    test.each([0, 1, 2, 3])('refused by the scope in place %i leaves no trace in any (S2)', async (full) => {
      const [holder, node] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      expect(await holder.admitted(of4('held', [9, 9, 9, 9]))).toBe(1)
      const before = fingerprint(await bench().contents())
      const limits = FOUR.map((_, i) => (i === full ? 1 : 9))
      const refused = { admitted: false, reason: 'full', scope: full, count: 1, limit: 1 }
      expect(await node.acquire(of4('a', limits), of4('b', limits))).toEqual([refused, refused])
      expect(await node.acquireAgain(of4('a', limits))).toEqual([refused])
      expect(fingerprint(await bench().contents())).toBe(before)
    })

    test('names the first scope that is full (S2)', async () => {
      const node = await StoreNode.join(bench())
      await node.acquire(of4('held', [9, 9, 9, 9]))
      expect(await node.acquire(of4('a', [9, 9, 1, 1]))).toMatchObject([{ scope: 2 }])
    })

    test('is admitted where the dead alone fill three of them, and said again takes nothing more (S4, S6)', async () => {
      const [gone, node] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      await gone.acquire(of4('a', [1, 1, 1, 1]), claim('b', 'else', 9, { name: 'cluster', id: 'x', limit: 9 }))
      await node.outlive()
      expect(await node.admitted(of4('c', [1, 1, 1, 1]))).toBe(1)
      expect(await node.acquireAgain(of4('c', [1, 1, 1, 1]))).toMatchObject([{ admitted: true, count: 2 }])
      expect(await node.acquire(of4('d', [9, 9, 9, 1]))).toMatchObject([{ scope: 3, count: 1 }])
    })

    test('whose id another lease holds in one scope alone takes none of the others (S2, rule 2)', async () => {
      const [one, two] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      await one.acquire(claim('a', 'else', 9, { name: 'address', id: 'x', limit: 9 }))
      const before = fingerprint(await bench().contents())
      expect(await two.acquire(of4('a', [9, 9, 9, 9]))).toEqual([{ admitted: false, reason: 'conflict' }])
      expect(fingerprint(await bench().contents())).toBe(before)
    })

    test('is given back and swept whole (L1, L2)', async () => {
      const [gone, node] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      await node.acquire(of4('a', [9, 9, 9, 9]))
      await gone.acquire(of4('b', [9, 9, 9, 9]), of4('c', [9, 9, 9, 9]))
      await node.release(of4('a', [9, 9, 9, 9]))
      await node.outlive()
      await node.sweepAll(gone.lease)
      const { scopes, indexes } = await bench().contents()
      expect([scopes.size, indexes.size]).toEqual([0, 0])
    })

    test('is asserted again whole, and not at all where one scope has no room (S2, R5)', async () => {
      const [gone, node] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      const held = [of4('a', [2, 2, 2, 2]), of4('b', [2, 2, 2, 2])]
      await gone.acquire(...held)
      await node.outlive()
      const other = await StoreNode.join(bench())
      await other.acquire(claim('o', 'else', 9, { name: 'cluster', id: 'x', limit: 9 }))
      expect(await node.reassert('room', true, ...held)).toEqual(['kept', 'full'])
      const { scopes } = await bench().contents()
      const mine = (key: string) => [...(scopes.get(key) ?? [])].filter(([, lease]) => lease === node.lease)
      expect(['org:acme', 'gateway:x', 'address:x', 'cluster:x'].map(mine)).toEqual(Array(4).fill([['a', node.lease]]))
    })

    test('is found broken by the audit whichever set has lost it (L5)', async () => {
      const node = await StoreNode.join(bench())
      const asked = of4('a', [9, 9, 9, 9])
      await node.acquire(asked)
      const audit = () => node.connection.audit(node.fence, undefined, [asked])
      expect(await audit()).toMatchObject({ value: { whole: [true] } })
      for (const lost of asked.scopes) {
        await node.release({ id: 'a', scopes: [lost] })
        expect(await audit()).toMatchObject({ value: { whole: [false] } })
        await node.reassert('keep', false, asked)
        expect(await audit()).toMatchObject({ value: { whole: [true] } })
      }
    })
  })

  test('64 claims of eight scopes each go into one call, and out again (S2)', async () => {
    const node = await StoreNode.join(bench())
    const more = MOST.slice(1).map((name) => ({ name, id: 'x', limit: 63 }))
    const asked = claims(64, 'x', 'acme', 99, ...more)
    const verdicts = await node.acquire(...asked)
    expect(verdicts.filter(({ admitted }) => admitted)).toHaveLength(63)
    expect(verdicts.at(-1)).toEqual({ admitted: false, reason: 'full', scope: 1, count: 63, limit: 63 })
    expect([...(await bench().contents()).scopes.values()].map(({ size }) => size)).toEqual(Array(8).fill(63))
    await node.release(...asked)
    expect((await bench().contents()).scopes.size).toBe(0)
  })

  describe('slots that are kept for others', () => {
    const keeping = (asked: Claim, reserve: Reserve): Claim => ({ ...asked, reserve })
    const two = { slots: 2 }

    test('are refused to who keeps them and given to who does not, to the last (S1, S6)', async () => {
      const node = await StoreNode.join(bench())
      expect(await node.acquire(...claims(4, 'x', 'acme', 5).map((one) => keeping(one, two)))).toEqual([
        ...[1, 2, 3].map((count) => ({ admitted: true, count, limit: 3, reserved: 2 })),
        { admitted: false, reason: 'full', scope: 0, count: 3, limit: 3, reserved: 2 },
      ])
      expect(await node.acquire(...claims(3, 'p', 'acme', 5))).toEqual([
        ...[4, 5].map((count) => ({ admitted: true, count, limit: 5 })),
        { admitted: false, reason: 'full', scope: 0, count: 5, limit: 5 },
      ])
      await node.release(claim('p-0', 'acme', 5))
      expect(await node.acquire(keeping(claim('y', 'acme', 5), two))).toMatchObject([{ count: 4, limit: 3 }])
    })

    test('are as many whoever holds the rest (S1)', async () => {
      const node = await StoreNode.join(bench())
      await node.acquire(...claims(3, 'p', 'acme', 5))
      expect(await node.admitted(keeping(claim('x', 'acme', 5), two))).toBe(0)
    })

    test('are as many under an override, and never more than there are (S1)', async () => {
      const node = await StoreNode.join(bench())
      const asked = (limit: number) => claims(3, `x${limit}`, 'acme', 9).map((one) => keeping(one, two))
      await node.override('acme', 3)
      expect(await node.acquire(...asked(3))).toMatchObject([
        { admitted: true, count: 1, limit: 1, reserved: 2 },
        { admitted: false, scope: 0, count: 1, limit: 1, reserved: 2 },
        { admitted: false },
      ])
      await node.override('acme', 1)
      expect(await node.acquire(...asked(1))).toMatchObject(Array(3).fill({ count: 1, limit: 0, reserved: 1 }))
      await node.override('acme', Number.POSITIVE_INFINITY)
      const unlimited = await node.acquire(...asked(0))
      expect(unlimited.at(-1)).toEqual({ admitted: true, count: 4, limit: Number.POSITIVE_INFINITY })
    })

    test.each([
      [5, 0, 5],
      [5, 19, 5],
      [5, 20, 4],
      [5, 59, 3],
      [5, 100, 0],
      [0, 50, 0],
      [200, 99, 2],
    ])('as a share: of %d slots %d percent leave %d, of the limit in force (S1)', async (limit, percent, left) => {
      const node = await StoreNode.join(bench())
      const asked = (name: string, given: number) =>
        claims(6, name, 'acme', given).map((one) => keeping(one, { percent }))
      expect(await node.admitted(...asked('x', limit))).toBe(left)
      await node.override('acme', 2 * limit)
      expect(await node.admitted(...asked('y', 1))).toBe(2 * limit - Math.floor((2 * limit * percent) / 100) - left)
    })

    test('are no reason where another scope is full, and touch no other scope (S5)', async () => {
      const node = await StoreNode.join(bench())
      const gateway = { name: 'gateway', id: 'g', limit: 2 }
      const asked = claims(3, 'x', 'acme', 9, gateway).map((one) => keeping(one, two))
      expect(await node.acquire(...asked)).toEqual([
        { admitted: true, count: 1, limit: 7, reserved: 2 },
        { admitted: true, count: 2, limit: 7, reserved: 2 },
        { admitted: false, reason: 'full', scope: 1, count: 2, limit: 2 },
      ])
    })

    test('are not kept from who asks again and holds a slot (S4), nor from connections that are open (R5)', async () => {
      const node = await StoreNode.join(bench())
      const asked = claims(3, 'x', 'acme', 3)
      await node.acquire(...asked)
      expect(await node.acquireAgain(keeping(asked[0]!, two))).toEqual([
        { admitted: true, count: 3, limit: 1, reserved: 2 },
      ])
      const heir = await StoreNode.join(bench())
      await heir.outlive()
      const kept = await heir.reassert('room', true, ...asked.map((one) => keeping(one, two)))
      expect(kept).toEqual(['kept', 'kept', 'kept'])
    })
  })
}
