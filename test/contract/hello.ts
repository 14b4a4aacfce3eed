import { describe, expect, test } from 'vitest'
import { newEpoch, newLease } from '../../src/core/ids.js'
import { fingerprint } from '../support/store-contents.js'
import { claim, done, recovered, StoreNode } from '../support/store-node.js'
import type { BenchOf } from './suite.js'

export function helloTests(bench: BenchOf): void {
  describe('hello', () => {
    test('opens a lease for its term, and says what the node is told', async () => {
      const node = await StoreNode.join(bench(), { info: '{"name":"n1"}' })
      const { live, leases, nodes, clockMs } = await bench().contents()
      expect(live.get(node.lease)).toMatchObject({ generation: 1 })
      expect(leases.get(node.lease)).toBe(clockMs + bench().timing.ttlMs)
      expect(nodes.get(node.lease)).toBe('{"name":"n1"}')
    })

    test('begins an epoch once, and every later one learns its name', async () => {
      const connection = done(await bench().store.connect())
      const request = { lease: newLease(), generation: 1, proposedEpoch: newEpoch(), reasserting: false, nodeInfo: '' }
      const first = done(await connection.hello(request))
      expect(first).toMatchObject({ epoch: request.proposedEpoch, newEpoch: true, evictionPolicy: 'noeviction' })
      const second = await StoreNode.join(bench())
      expect(second.fence.epoch).toBe(request.proposedEpoch)
      expect(done(await second.hello())).toMatchObject({ epoch: first.epoch, newEpoch: false })
    })

    test('with the next generation renews a known lease and keeps what it holds', async () => {
      const node = await StoreNode.join(bench())
      await recovered(bench(), node)
      await node.acquire(claim('a', 'acme', 1))
      await bench().pass(1_000)
      done(await node.hello())
      const { leases, clockMs, scopes } = await bench().contents()
      expect(leases.get(node.lease)).toBe(clockMs + bench().timing.ttlMs)
      expect(scopes.get('org:acme')?.get('a')).toBe(node.lease)
    })

    test('refuses a generation that is not higher, so that a late one opens nothing (S3)', async () => {
      const node = await StoreNode.join(bench())
      await node.hello()
      const before = fingerprint(await bench().contents())
      const { epoch } = node.fence
      for (const generation of [1, 2]) {
        expect(await node.hello({ generation, epoch })).toEqual({ status: 'refused', reason: 'stale' })
      }
      expect(fingerprint(await bench().contents())).toBe(before)
      expect(await node.hello({ generation: 12, epoch })).toMatchObject({ status: 'ok' })
    })

    test('refuses a new lease by the name of a live one', async () => {
      const node = await StoreNode.join(bench())
      const twin = StoreNode.join(bench(), { lease: node.lease })
      await expect(twin).rejects.toThrow('stale')
    })

    test('never opens a dead lease again, whether it asks as known or as new (S3)', async () => {
      const [node, survivor] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      await recovered(bench(), node)
      await node.acquire(claim('a', 'acme', 1))
      await survivor.outlive()
      const before = fingerprint(await bench().contents())
      expect(await node.hello()).toEqual({ status: 'refused', reason: 'fenced' })
      await expect(StoreNode.join(bench(), { lease: node.lease })).rejects.toThrow('fenced')
      expect(fingerprint(await bench().contents())).toBe(before)
    })

    test.each(['wipe', 'becomeAnother'] as const)(
      'of a known lease after %s says lost, and a new epoch began (R1)',
      async (loss) => {
        const node = await StoreNode.join(bench())
        await recovered(bench(), node)
        await node.acquire(claim('a', 'acme', 1))
        await bench()[loss]()
        expect(await node.hello()).toEqual({ status: 'refused', reason: 'lost' })
        const { epoch, live, leases, dead } = await bench().contents()
        expect(epoch).not.toBe(node.fence.epoch)
        expect(live.size + leases.size).toBe(0)
        expect([...dead]).toEqual(loss === 'wipe' ? [] : [node.lease])
      },
    )
  })
}
