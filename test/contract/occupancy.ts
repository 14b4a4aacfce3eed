import { describe, expect, test } from 'vitest'
import { claim, claims, StoreNode } from '../support/store-node.js'
import type { BenchOf } from './suite.js'

/** Sets of up to 32 members are counted one way, larger ones another; both ways must agree. */
export function occupancyTests(bench: BenchOf): void {
  describe.each([4, 31, 32, 33, 34, 63])('a scope of %d slots (S6, rule 4)', (size) => {
    const half = Math.ceil(size / 2)

    test('has room for as many as the dead held, before anybody sweeps', async () => {
      const [gone, node] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      await gone.acquire(...claims(half, 'gone', 'acme', size))
      await node.acquire(...claims(size - half, 'node', 'acme', size))
      expect(await node.admitted(claim('early', 'acme', size))).toBe(0)
      await node.outlive()
      const verdicts = await node.acquire(...claims(half + 1, 'new', 'acme', size))
      expect(verdicts.filter((verdict) => verdict.admitted)).toHaveLength(half)
      expect(verdicts.at(-1)).toEqual({ admitted: false, reason: 'full', scope: 0, count: size, limit: size })
      expect((await bench().contents()).scopes.get('org:acme')?.size).toBe(size + half)
      expect(await bench().store.inspector.countOrgs(['acme'])).toMatchObject([{ count: size }])
    })

    test('has room again step by step as it is swept, and never too much', async () => {
      const [gone, node] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      await gone.acquire(...claims(size, 'gone', 'acme', size))
      await node.outlive()
      expect(await node.admitted(...claims(half, 'a', 'acme', size))).toBe(half)
      await node.sweepAll(gone.lease)
      expect(await node.admitted(...claims(size, 'b', 'acme', size))).toBe(size - half)
    })

    test('counts several dead leases, those that left and those that expired', async () => {
      const [gone, left, node] = [
        await StoreNode.join(bench()),
        await StoreNode.join(bench()),
        await StoreNode.join(bench()),
      ]
      await gone.acquire(...claims(half, 'gone', 'acme', size))
      await left.acquire(...claims(size - half, 'left', 'acme', size))
      await left.leave()
      expect(await node.admitted(...claims(size - half, 'a', 'acme', size), claim('over', 'acme', size))).toBe(
        size - half,
      )
      await node.outlive()
      expect(await node.admitted(...claims(half, 'b', 'acme', size), claim('over', 'acme', size))).toBe(half)
    })
  })
}
