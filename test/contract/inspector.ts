import { describe, expect, test } from 'vitest'
import { listedOrgs } from '../support/listed-orgs.js'
import { claim, claims, StoreNode } from '../support/store-node.js'
import type { BenchOf } from './suite.js'

export function inspectorTests(bench: BenchOf): void {
  const orgs = () => listedOrgs(bench().store.inspector)

  describe('the inspector', () => {
    test('of an empty store finds nothing', async () => {
      const { store } = bench()
      expect(await store.inspector.countOrgs(['acme'])).toEqual([{ org: 'acme', count: 0, override: undefined }])
      expect(await store.inspector.countOrgs([])).toEqual([])
      expect([await orgs(), await store.inspector.holders('acme', 9), await store.inspector.nodes()]).toEqual([
        new Set(),
        [],
        [],
      ])
    })

    test('counts many orgs in the order asked, with their overrides', async () => {
      const node = await StoreNode.join(bench())
      await node.acquire(...claims(3, 'x', 'acme', 9), claim('y', 'other', 9))
      await node.override('acme', 7)
      await node.override('none', 0)
      await node.override('big', Number.POSITIVE_INFINITY)
      const unknown = Array.from({ length: 450 }, (_, i) => `unknown-${i}`)
      expect(await bench().store.inspector.countOrgs(['other', ...unknown, 'acme', 'none', 'big'])).toEqual([
        { org: 'other', count: 1, override: undefined },
        ...unknown.map((org) => ({ org, count: 0, override: undefined })),
        { org: 'acme', count: 3, override: 7 },
        { org: 'none', count: 0, override: 0 },
        { org: 'big', count: 0, override: Number.POSITIVE_INFINITY },
      ])
    })

    test('lists every org that holds a slot or has an override, and no other scope', async () => {
      const node = await StoreNode.join(bench())
      const many = Array.from({ length: 64 }, (_, i) =>
        claim(`c-${i}`, `org-${i}`, 1, { name: 'gateway', id: 'g', limit: 99 }),
      )
      await node.acquire(...many)
      await node.override('excepted', 1)
      expect(await orgs()).toEqual(new Set([...many.map(({ scopes }) => scopes[0].id), 'excepted']))
    })

    test('shows the holders and what they count against, at most as many as asked for', async () => {
      const [one, two] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      const gateway = { name: 'gateway', id: 'g' }
      await one.acquire(claim('a', 'acme', 9))
      await two.acquire(...claims(2, 'b', 'acme', 9, { ...gateway, limit: 9 }))
      const org = { name: 'org', id: 'acme' }
      const holders = await bench().store.inspector.holders('acme', 9)
      expect(holders.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual([
        { id: 'a', lease: one.lease, scopes: [org], details: 'details of a' },
        { id: 'b-0', lease: two.lease, scopes: [org, gateway], details: 'details of b-0' },
        { id: 'b-1', lease: two.lease, scopes: [org, gateway], details: 'details of b-1' },
      ])
      expect(await bench().store.inspector.holders('acme', 2)).toHaveLength(2)
    })

    test('shows nothing of the dead, and the living however many dead stand before them', async () => {
      // Leases in ascending order, so that the dead come first in the set.
      const gone = await StoreNode.join(bench(), { lease: 1_001 })
      const node = await StoreNode.join(bench(), { lease: 2_002, info: '{"name":"alive"}' })
      await gone.acquire(...claims(40, 'gone', 'acme', 99))
      await node.acquire(...claims(2, 'here', 'acme', 99))
      await node.outlive()
      const { store, timing } = bench()
      expect(await store.inspector.countOrgs(['acme'])).toMatchObject([{ count: 2 }])
      expect((await store.inspector.holders('acme', 3)).map(({ id }) => id).sort()).toEqual(['here-0', 'here-1'])
      expect(await store.inspector.nodes()).toEqual([
        { lease: 2_002, connections: 2, expiresInMs: timing.ttlMs, info: '{"name":"alive"}' },
      ])
    })

    test('lists all nodes, and of holders on several as many as asked', async () => {
      const nodes = [await StoreNode.join(bench()), await StoreNode.join(bench()), await StoreNode.join(bench())]
      for (const [i, node] of nodes.entries()) await node.acquire(...claims(2, `n${i}`, 'acme', 9))
      const { store } = bench()
      expect((await store.inspector.nodes()).map(({ lease }) => lease).sort()).toEqual(
        nodes.map(({ lease }) => lease).sort(),
      )
      for (const most of [1, 2, 3, 5, 6, 7])
        expect(await store.inspector.holders('acme', most)).toHaveLength(Math.min(most, 6))
    })

    test('shows a lease that has expired and was not declared dead as overdue', async () => {
      await StoreNode.join(bench(), { lease: 1_001 })
      const other = await StoreNode.join(bench(), { lease: 2_002 })
      for (let i = 0; i < 6; i++) {
        await bench().pass(3_000)
        await other.hello()
      }
      const nodes = await bench().store.inspector.nodes()
      expect(nodes.find(({ lease }) => lease === 1_001)?.expiresInMs).toBe(-3_000)
    })

    test('needs no lease and leaves no trace', async () => {
      await bench().store.inspector.countOrgs(['acme'])
      await bench().store.inspector.nodes()
      const { live, strangers, scopes } = await bench().contents()
      expect([live.size, strangers.length, scopes.size]).toEqual([0, 0, 0])
    })
  })
}
