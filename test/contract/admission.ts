import { describe, expect, test } from 'vitest'
import { fingerprint } from '../support/store-contents.js'
import { claim, claims, StoreNode } from '../support/store-node.js'
import type { BenchOf } from './suite.js'

const gateway = (id: string, limit: number) => ({ name: 'gateway', id, limit })

export function admissionTests(bench: BenchOf): void {
  describe('acquire', () => {
    test('takes one slot, and says how many of how many are taken (S1)', async () => {
      const node = await StoreNode.join(bench())
      expect(await node.acquire(claim('a', 'acme', 3))).toEqual([{ admitted: true, count: 1, limit: 3 }])
      expect(await node.acquire(claim('b', 'acme', 3))).toEqual([{ admitted: true, count: 2, limit: 3 }])
      const { scopes, indexes } = await bench().contents()
      expect(scopes).toEqual(
        new Map([
          [
            'org:acme',
            new Map([
              ['a', node.lease],
              ['b', node.lease],
            ]),
          ],
        ]),
      )
      expect(indexes.get(node.lease)?.get('a')).toEqual(['org:acme', 'details of a'])
    })

    test('refuses at the limit, whichever node asks, and says why (S1)', async () => {
      const [one, two] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      expect(await one.admitted(...claims(2, 'x', 'acme', 3))).toBe(2)
      expect(await two.admitted(claim('y', 'acme', 3))).toBe(1)
      const full = [{ admitted: false, reason: 'full', scope: 0, count: 3, limit: 3 }]
      expect(await one.acquire(claim('z', 'acme', 3))).toEqual(full)
      expect(await two.acquire(claim('z', 'acme', 3))).toEqual(full)
    })

    test('decides 64 claims of one call one after the other (S1, rule 5)', async () => {
      const node = await StoreNode.join(bench())
      const verdicts = await node.acquire(...claims(64, 'x', 'acme', 50))
      expect(verdicts.slice(0, 50)).toEqual(
        Array.from({ length: 50 }, (_, i) => ({ admitted: true, count: i + 1, limit: 50 })),
      )
      expect(verdicts.slice(50)).toEqual(
        Array.from({ length: 14 }, () => ({ admitted: false, reason: 'full', scope: 0, count: 50, limit: 50 })),
      )
      expect((await bench().contents()).scopes.get('org:acme')?.size).toBe(50)
    })

    test('takes at most 64 claims in a call, and does nothing for none', async () => {
      const node = await StoreNode.join(bench())
      const before = fingerprint(await bench().contents())
      expect(await node.acquire()).toEqual([])
      await expect(async () => node.acquire(...claims(65, 'x', 'acme', 99))).rejects.toThrow(RangeError)
      expect(fingerprint(await bench().contents())).toBe(before)
    })

    test('lets each claim of a call stand alone (S5, rule 5)', async () => {
      const node = await StoreNode.join(bench())
      const verdicts = await node.acquire(claim('a', 'full', 0), claim('b', 'acme', 1), claim('c', 'acme', 1))
      expect(verdicts.map((verdict) => verdict.admitted)).toEqual([false, true, false])
    })

    test('of several scopes takes all or none (S2)', async () => {
      const node = await StoreNode.join(bench())
      expect(await node.admitted(claim('a', 'acme', 9, gateway('g', 1)))).toBe(1)
      const before = fingerprint(await bench().contents())
      for (const asked of [
        claim('b', 'acme', 9, gateway('g', 1)),
        claim('c', 'acme', 9, { name: 'cluster', id: '', limit: 9 }, gateway('g', 1)),
      ]) {
        const scope = asked.scopes.length - 1
        expect(await node.acquire(asked)).toEqual([{ admitted: false, reason: 'full', scope, count: 1, limit: 1 }])
      }
      expect(await node.acquire(claim('d', 'acme', 1, gateway('h', 5)))).toMatchObject([{ scope: 0, count: 1 }])
      expect(fingerprint(await bench().contents())).toBe(before)
      expect(await node.acquire(claim('e', 'acme', 9, gateway('h', 1)))).toEqual([
        { admitted: true, count: 2, limit: 9 },
      ])
    })

    test('counts scopes of the same id apart by their name', async () => {
      const node = await StoreNode.join(bench())
      const asked = claim('a', 'same', 1, gateway('same', 1), { name: 'cluster', id: 'same', limit: 1 })
      expect(await node.admitted(asked)).toBe(1)
      expect([...(await bench().contents()).scopes.keys()].sort()).toEqual(['cluster:same', 'gateway:same', 'org:same'])
    })

    test('knows limits of none and of no end', async () => {
      const node = await StoreNode.join(bench())
      expect(await node.acquire(claim('a', 'acme', 0))).toEqual([
        { admitted: false, reason: 'full', scope: 0, count: 0, limit: 0 },
      ])
      expect(await node.acquire(claim('a', 'acme', 5, gateway('g', 0)))).toEqual([
        { admitted: false, reason: 'full', scope: 1, count: 0, limit: 0 },
      ])
      const unlimited = claims(64, 'x', 'acme', Number.POSITIVE_INFINITY, gateway('g', Number.POSITIVE_INFINITY))
      const verdicts = await node.acquire(...unlimited)
      expect(verdicts.at(-1)).toEqual({ admitted: true, count: 64, limit: Number.POSITIVE_INFINITY })
    })

    test('asked again by the holder, admits again and takes nothing, also when all is full (S4)', async () => {
      const node = await StoreNode.join(bench())
      const asked = claim('a', 'acme', 2, gateway('g', 2))
      expect(await node.acquire(asked)).toEqual([{ admitted: true, count: 1, limit: 2 }])
      const roomy = fingerprint(await bench().contents())
      expect(await node.acquire(asked, asked)).toEqual(Array(2).fill({ admitted: true, count: 1, limit: 2 }))
      expect(fingerprint(await bench().contents())).toBe(roomy)
      await node.acquire(claim('b', 'acme', 2, gateway('g', 2)))
      const full = fingerprint(await bench().contents())
      expect(await node.acquireAgain(asked)).toEqual([{ admitted: true, count: 2, limit: 2 }])
      expect(fingerprint(await bench().contents())).toBe(full)
    })

    test('asked again when only a further scope is full, admits the holder again (S4)', async () => {
      const node = await StoreNode.join(bench())
      const asked = claim('a', 'acme', 9, gateway('g', 1))
      expect(await node.admitted(asked)).toBe(1)
      expect(await node.acquireAgain(asked)).toEqual([{ admitted: true, count: 1, limit: 9 }])
    })

    test('of claims that may be repeats and are not, decides as ever (S1)', async () => {
      const node = await StoreNode.join(bench())
      const verdicts = await node.acquireAgain(...claims(3, 'x', 'acme', 2, gateway('g', 9)))
      expect(verdicts.map((verdict) => verdict.admitted)).toEqual([true, true, false])
      expect((await bench().contents()).scopes.get('org:acme')?.size).toBe(2)
    })

    test('a late duplicate that does not say so takes nothing, whatever it is answered (S1, S4)', async () => {
      const node = await StoreNode.join(bench())
      const asked = claims(2, 'x', 'acme', 2)
      await node.acquire(...asked)
      const before = fingerprint(await bench().contents())
      expect(await node.admitted(...asked)).toBe(0)
      expect(fingerprint(await bench().contents())).toBe(before)
    })

    test('takes over what a dead lease has left of the same id, and the sweep leaves it (S6, rule 2)', async () => {
      const [gone, node] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      const asked = claim('a', 'acme', 2, gateway('g', 1))
      expect(await gone.admitted(asked)).toBe(1)
      await node.outlive()
      expect(await node.admitted(asked)).toBe(1)
      expect(await node.acquireAgain(asked)).toEqual([{ admitted: true, count: 1, limit: 2 }])
      await node.sweepAll(gone.lease)
      const { scopes, indexes } = await bench().contents()
      expect(['org:acme', 'gateway:g'].map((scope) => scopes.get(scope)?.get('a'))).toEqual([node.lease, node.lease])
      expect([...indexes.keys()]).toEqual([node.lease])
      expect(await node.admitted(claim('b', 'acme', 2, gateway('g', 1)))).toBe(0)
    })

    test("never takes another live lease's id (rule 2)", async () => {
      const [one, two] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      const asked = claim('a', 'acme', 9, gateway('g', 9))
      expect(await one.admitted(asked)).toBe(1)
      const before = fingerprint(await bench().contents())
      expect(await two.acquire(asked)).toEqual([{ admitted: false, reason: 'conflict' }])
      expect(fingerprint(await bench().contents())).toBe(before)
    })

    test('a lowered limit binds the next admission and takes nothing from the holders', async () => {
      const node = await StoreNode.join(bench())
      expect(await node.admitted(...claims(3, 'x', 'acme', 3))).toBe(3)
      expect(await node.acquire(claim('y', 'acme', 1))).toEqual([
        { admitted: false, reason: 'full', scope: 0, count: 3, limit: 1 },
      ])
    })

    test('of orgs full and empty touches only the one it names (S5)', async () => {
      const node = await StoreNode.join(bench())
      expect(await node.admitted(claim('a', 'one', 1))).toBe(1)
      expect(await node.admitted(claim('b', 'one', 1))).toBe(0)
      expect(await node.admitted(claim('c', 'two', 1))).toBe(1)
    })
  })

  describe('an override', () => {
    test('wins over the limit of the claim from the very next acquire on, until it is cleared', async () => {
      const node = await StoreNode.join(bench())
      await node.override('acme', 1)
      expect(await node.acquire(...claims(2, 'x', 'acme', 3))).toEqual([
        { admitted: true, count: 1, limit: 1 },
        { admitted: false, reason: 'full', scope: 0, count: 1, limit: 1 },
      ])
      await node.override('acme', 2)
      expect(await node.admitted(...claims(2, 'y', 'acme', 0))).toBe(1)
      await node.override('acme', undefined)
      expect(await node.acquire(claim('z', 'acme', 3))).toEqual([{ admitted: true, count: 3, limit: 3 }])
    })

    test('may be none or no end, and binds one org and no other scope (S5)', async () => {
      const node = await StoreNode.join(bench())
      await node.override('acme', 0)
      await node.override('big', Number.POSITIVE_INFINITY)
      expect(await node.acquire(claim('a', 'acme', 9))).toMatchObject([{ admitted: false, limit: 0 }])
      expect(await node.acquire(claim('b', 'big', 0))).toEqual([
        { admitted: true, count: 1, limit: Number.POSITIVE_INFINITY },
      ])
      expect(await node.admitted(claim('c', 'other', 1, gateway('acme', 1)))).toBe(1)
    })
  })
}
