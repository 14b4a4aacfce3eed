import { describe, expect, test } from 'vitest'
import { fingerprint } from '../support/store-contents.js'
import { claim, claims, StoreNode } from '../support/store-node.js'
import type { BenchOf } from './suite.js'

export function releaseTests(bench: BenchOf): void {
  describe('release', () => {
    test('frees every scope of a slot, and leaves nothing of it (L1)', async () => {
      const node = await StoreNode.join(bench())
      const empty = fingerprint(await bench().contents())
      const held = claim('a', 'acme', 1, { name: 'gateway', id: 'g', limit: 1 })
      expect(await node.admitted(held)).toBe(1)
      await node.release(held)
      expect(fingerprint(await bench().contents())).toBe(empty)
      expect(await node.admitted(claim('b', 'acme', 1, { name: 'gateway', id: 'g', limit: 1 }))).toBe(1)
    })

    test('frees 64 slots in one call', async () => {
      const node = await StoreNode.join(bench())
      const held = claims(64, 'x', 'acme', 64)
      expect(await node.admitted(...held)).toBe(64)
      await node.release(...held.slice(1))
      expect([...((await bench().contents()).scopes.get('org:acme')?.keys() ?? [])]).toEqual(['x-0'])
      await expect(async () => node.release(...held, ...held)).rejects.toThrow(RangeError)
    })

    test('said twice, late, for nothing or for what was never taken, does no harm (S4)', async () => {
      const node = await StoreNode.join(bench())
      const [kept, gone] = [claim('a', 'acme', 2), claim('b', 'acme', 2)]
      await node.acquire(kept, gone)
      await node.release(gone, gone)
      const after = fingerprint(await bench().contents())
      await node.release(gone)
      await node.release(claim('never', 'acme', 2))
      await node.release()
      expect(fingerprint(await bench().contents())).toBe(after)
    })

    test("never frees another lease's slot (S4, rule 2)", async () => {
      const [one, two] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      const held = claim('a', 'acme', 1)
      await one.acquire(held)
      const before = fingerprint(await bench().contents())
      await two.release(held)
      expect(fingerprint(await bench().contents())).toBe(before)
    })
  })
}
