import { describe, expect, test } from 'vitest'
import type { ScopeRef } from '../../src/store/lease-store.js'
import { claim, claims, StoreNode } from '../support/store-node.js'
import type { BenchOf } from './suite.js'

const LIMIT = 10
const ACME: ScopeRef = { name: 'org', id: 'acme' }

export function probeTests(bench: BenchOf): void {
  const looks = async (node: StoreNode) => (await node.renew()).probes
  const standing = async () => (await bench().contents()).probes.size

  /** Three nodes, of which the first two hold slots of one org. */
  async function twoHolders(): Promise<[StoreNode, StoreNode, StoreNode]> {
    const [a, b, c] = [await StoreNode.join(bench()), await StoreNode.join(bench()), await StoreNode.join(bench())]
    await a.acquire(...claims(2, 'a', 'acme', LIMIT))
    await b.acquire(...claims(2, 'b', 'acme', LIMIT))
    return [a, b, c]
  }

  describe('probe (L3)', () => {
    test('asks every other holder of the scope, with its next renewal, once; and nobody else', async () => {
      const [a, b, c] = await twoHolders()
      expect(await c.probe(ACME)).toBe(2)
      expect(await looks(c)).toEqual([])
      expect([await looks(a), await looks(a)]).toEqual([[ACME], []])
      expect([await looks(b), await looks(b)]).toEqual([[ACME], []])
      expect(await standing()).toBe(0)
      expect(await a.probe(ACME)).toBe(1)
      expect([await looks(a), await looks(b)]).toEqual([[], [ACME]])
    })

    test('stands once for each holder, however often it is asked and by whom', async () => {
      const [a, b, c] = await twoHolders()
      for (let n = 0; n < 3; n++) expect([await c.probe(ACME), await a.probe(ACME)]).toEqual([2, 1])
      expect(await standing()).toBe(2)
      expect(await looks(b)).toEqual([ACME])
    })

    test('frees no slot, and asks nobody about a scope in which nobody holds one', async () => {
      const [a, , c] = await twoHolders()
      expect(await c.probe({ name: 'org', id: 'nobody' })).toBe(0)
      expect(await c.probe({ name: 'gateway', id: 'acme' })).toBe(0)
      await c.probe(ACME)
      await looks(a)
      expect(await bench().store.inspector.countOrgs(['acme'])).toMatchObject([{ count: 4 }])
      expect(await c.acquire(claim('more', 'acme', 4))).toMatchObject([{ admitted: false, count: 4 }])
    })

    test.each([
      { name: 'gateway', id: 'acme%2F1/a:b' },
      { name: 'cluster', id: '' },
      { name: 'user', id: '__proto__:{1}' },
    ])('of a further scope too, whatever its name: $name $id', async (scope) => {
      const [a, , c] = await twoHolders()
      await a.acquire(claim('x', 'acme', LIMIT, { ...scope, limit: 5 }))
      expect(await c.probe(scope)).toBe(1)
      expect(await looks(a)).toEqual([scope])
    })

    test('the dead are not asked, and what they were asked is forgotten with them', async () => {
      const [a, b, c] = await twoHolders()
      await c.probe(ACME)
      await a.leave()
      expect(await standing()).toBe(1)
      await c.outlive()
      expect(await standing()).toBe(0)
      expect(await c.probe(ACME)).toBe(0)
      expect(await b.connection.renew(b.fence)).toMatchObject({ reason: 'fenced' })
      expect(await b.connection.probe(b.fence, ACME)).toMatchObject({ reason: 'fenced' })
    })

    test('who has missed a beat is asked too, and not counted: it may be dead, and never answer', async () => {
      const [a, b, c] = await twoHolders()
      const { renewIntervalMs } = bench().timing
      for (let beat = 0; beat < 2; beat++) {
        await bench().pass(renewIntervalMs)
        await b.renew()
        await c.renew()
      }
      expect(await c.probe(ACME)).toBe(1)
      expect([await looks(a), await looks(b)]).toEqual([[ACME], [ACME]])
      expect(await c.probe(ACME), 'it is back').toBe(2)
    })

    test('is forgotten with the memory of the store', async () => {
      const [, , c] = await twoHolders()
      await c.probe(ACME)
      await bench().becomeAnother()
      await StoreNode.join(bench())
      expect(await standing()).toBe(0)
    })

    test('S5: 64 are told at a time, and however many stand for one org, another’s has room', async () => {
      const [a, b, c] = await twoHolders()
      const users = Array.from({ length: 1_010 }, (_, i) => ({ name: 'user', id: `${i}` }))
      for (let from = 0; from < users.length; from += 64) {
        const some = users.slice(from, from + 64)
        await a.acquire(...some.map((user) => claim(`u-${user.id}`, 'many', 2_000, { ...user, limit: 1 })))
      }
      let asked = 0
      for (const user of users) asked += await c.probe(user)
      expect([asked, await standing()]).toEqual([1_010, 1_010])
      expect([await c.probe(ACME), await looks(b)]).toEqual([2, [ACME]])
      let pages = 0
      for (let page = await looks(a); page.length > 0; page = await looks(a)) pages++
      expect([pages, await standing()]).toEqual([16, 0])
    })
  })
}
