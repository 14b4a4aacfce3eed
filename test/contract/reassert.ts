import { describe, expect, test } from 'vitest'
import { fingerprint } from '../support/store-contents.js'
import { claim, claims, liveOn, recovered, StoreNode } from '../support/store-node.js'
import type { BenchOf } from './suite.js'

const gateway = { name: 'gateway', id: 'g', limit: 2 }

export function reassertTests(bench: BenchOf): void {
  async function twoNodes(): Promise<[StoreNode, StoreNode]> {
    const nodes: [StoreNode, StoreNode] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
    await recovered(bench(), nodes[0])
    return nodes
  }

  describe('reassert', () => {
    test('to keep adds whole connections whatever the limits say (R1)', async () => {
      const node = await StoreNode.join(bench(), { reasserting: true })
      const held = claims(3, 'x', 'acme', 1, gateway)
      expect(await node.reassert('keep', true, ...held)).toEqual(['kept', 'kept', 'kept'])
      const { scopes, indexes } = await bench().contents()
      expect(scopes.get('org:acme')?.size).toBe(3)
      expect(scopes.get('gateway:g')?.size).toBe(3)
      expect(indexes.get(node.lease)?.size).toBe(3)
      await recovered(bench(), node)
      expect(await node.acquire(claim('y', 'acme', 1))).toMatchObject([{ admitted: false, count: 3, limit: 1 }])
    })

    test('for room adds in the order given while every scope has room, and leaves nothing of the rest (S2)', async () => {
      const [node, other] = await twoNodes()
      await other.acquire(claim('o', 'acme', 3))
      const asked = [claim('a', 'acme', 3), claim('b', 'acme', 3, gateway), claim('c', 'acme', 3)]
      expect(await node.reassert('room', true, ...asked)).toEqual(['kept', 'kept', 'full'])
      expect(await node.reassert('room', true, claim('d', 'else', 9, { ...gateway, limit: 1 }))).toEqual(['full'])
      const { scopes } = await bench().contents()
      expect([...scopes.keys()].sort()).toEqual(['gateway:g', 'org:acme'])
      expect([...(scopes.get('org:acme')?.keys() ?? [])].sort()).toEqual(['a', 'b', 'o'])
    })

    test.each([4, 40])('for room counts the living of %d, and says of several reasons the first (S6)', async (size) => {
      const [gone, node] = await twoNodes()
      const other = await StoreNode.join(bench())
      await gone.acquire(...claims(size / 2, 'gone', 'acme', size))
      await other.acquire(...claims(size / 2, 'other', 'acme', size))
      await liveOn(bench(), bench().timing.ttlMs, node, other)
      expect(await node.reassert('room', false, claim('x', 'acme', size))).toEqual(['kept'])
      await other.acquire(claim('y', 'globex', 9, gateway))
      expect(await node.reassert('room', false, claim('y', 'acme', size / 2, gateway))).toEqual(['full'])
    })

    test('for room obeys an override', async () => {
      const [node] = await twoNodes()
      await node.override('acme', 1)
      expect(await node.reassert('room', true, ...claims(2, 'x', 'acme', 9))).toEqual(['kept', 'full'])
      expect(await node.reassert('room', true, claim('y', 'acme', 9))).toEqual(['full'])
    })

    test('said twice changes nothing the second time, also where all is full (S4)', async () => {
      const [node] = await twoNodes()
      const held = claims(2, 'x', 'acme', 2, gateway)
      await node.reassert('room', true, ...held)
      const before = fingerprint(await bench().contents())
      for (const mode of ['room', 'keep'] as const) {
        expect(await node.reassert(mode, true, ...held)).toEqual(['kept', 'kept'])
      }
      expect(fingerprint(await bench().contents())).toBe(before)
    })

    test('takes slots over from a dead lease, and its sweep does not take them back (rule 2)', async () => {
      const [gone, node] = await twoNodes()
      const held = claims(2, 'x', 'acme', 2, gateway)
      await gone.acquire(...held)
      await node.outlive()
      expect(await node.reassert('room', true, ...held, claim('y', 'acme', 2))).toEqual(['kept', 'kept', 'full'])
      await node.sweepAll(gone.lease)
      const { scopes, indexes } = await bench().contents()
      const mine = new Map(held.map(({ id }) => [id, node.lease]))
      expect([scopes.get('org:acme'), scopes.get('gateway:g')]).toEqual([mine, mine])
      expect([...indexes.keys()]).toEqual([node.lease])
    })

    test.each(['keep', 'room'] as const)('to %s never takes from a lease that lives (rule 2)', async (mode) => {
      const [node, other] = await twoNodes()
      const held = claim('x', 'acme', 5, { ...gateway, limit: 5 })
      await other.acquire(held)
      const before = fingerprint(await bench().contents())
      expect(await node.reassert(mode, true, held)).toEqual(['conflict'])
      expect(fingerprint(await bench().contents())).toBe(before)
    })

    test('takes up to 64 at a time, and none if there is none', async () => {
      const [node] = await twoNodes()
      expect(await node.reassert('keep', false, ...claims(64, 'x', 'acme', 1))).toEqual(Array(64).fill('kept'))
      expect(await node.reassert('keep', true)).toEqual([])
      await expect(async () => node.reassert('keep', true, ...claims(65, 'x', 'acme', 1))).rejects.toThrow(RangeError)
    })

    test('after an old snapshot came back takes over what the snapshot held (R1)', async () => {
      const [node] = await twoNodes()
      const held = claims(3, 'x', 'acme', 3)
      await node.acquire(...held)
      await bench().becomeAnother()
      expect(await node.hello()).toEqual({ status: 'refused', reason: 'lost' })
      const again = await StoreNode.join(bench(), { reasserting: true })
      // One of the three has been closed meanwhile: its slot must not come back.
      expect(await again.reassert('keep', true, ...held.slice(1))).toEqual(['kept', 'kept'])
      expect(await bench().store.inspector.countOrgs(['acme'])).toMatchObject([{ count: 2 }])
      await recovered(bench(), again)
      await again.sweepAll(node.lease)
      expect((await bench().contents()).scopes.get('org:acme')?.size).toBe(2)
    })
  })
}
