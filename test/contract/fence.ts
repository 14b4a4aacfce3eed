import { describe, expect, test } from 'vitest'
import type { Fence, Reply, StoreConnection } from '../../src/store/lease-store.js'
import { fingerprint } from '../support/store-contents.js'
import { claim, recovered, StoreNode } from '../support/store-node.js'
import type { BenchOf } from './suite.js'

const held = claim('a', 'acme', 5)

const VERBS: Record<string, (to: StoreConnection, fence: Fence) => Promise<Reply<unknown>>> = {
  acquire: (to, fence) => to.acquire(fence, [claim('late', 'acme', 5)]),
  release: (to, fence) => to.release(fence, [held]),
  renew: (to, fence) => to.renew(fence),
  sweep: (to, fence) => to.sweep(fence, fence.lease, [held]),
  leave: (to, fence) => to.leave(fence),
  'reassert to keep': (to, fence) => to.reassert(fence, [held], { mode: 'keep', final: true }),
  'reassert for room': (to, fence) => to.reassert(fence, [held], { mode: 'room', final: true }),
  override: (to, fence) => to.override(fence, 'acme', 1),
  learn: (to, fence) => to.learn(fence, 0),
  restore: (to, fence) =>
    to.restore(fence, [{ org: 'acme', kind: 'override', version: 9, limit: 1, expiresInMs: undefined, details: '' }]),
  audit: (to, fence) => to.audit(fence, '0', [held]),
}

/** One node that holds a slot, and a way to say a verb under a fence that is no longer good. */
export function fenceTests(bench: BenchOf): void {
  describe.each(Object.entries(VERBS))('the fence of %s (S3, rule 1)', (_, say) => {
    async function refuses(connection: StoreConnection, fence: Fence, reason: string): Promise<void> {
      const before = fingerprint(await bench().contents())
      expect(await say(connection, fence)).toEqual({ status: 'refused', reason })
      expect(fingerprint(await bench().contents())).toBe(before)
    }

    async function holder(): Promise<StoreNode> {
      const node = await StoreNode.join(bench())
      await recovered(bench(), node)
      expect(await node.admitted(held)).toBe(1)
      return node
    }

    test('refuses a generation that is over, one that never was, and nothing else', async () => {
      const node = await holder()
      const { connection: old, fence } = node
      await node.hello()
      await refuses(old, fence, 'stale')
      await refuses(node.connection, { ...node.fence, generation: 99 }, 'stale')
      expect(await say(node.connection, node.fence)).toMatchObject({ status: 'ok' })
    })

    test('refuses a lease that was declared dead', async () => {
      const node = await holder()
      const survivor = await StoreNode.join(bench())
      expect((await survivor.outlive()).dead).toEqual([node.lease])
      await refuses(node.connection, node.fence, 'fenced')
      await survivor.sweepAll(node.lease)
      await refuses(node.connection, node.fence, 'fenced')
    })

    test('refuses a lease that was given up', async () => {
      const node = await holder()
      await node.leave()
      await refuses(node.connection, node.fence, 'fenced')
    })

    test('says lost, never fenced, when the store has no memory or that of another life', async () => {
      const node = await holder()
      await bench().wipe()
      await refuses(node.connection, node.fence, 'lost')
      await StoreNode.join(bench())
      await refuses(node.connection, node.fence, 'lost')
    })

    test('says lost after an old snapshot came back', async () => {
      const node = await holder()
      await bench().becomeAnother()
      await StoreNode.join(bench())
      await refuses(node.connection, node.fence, 'lost')
    })

    test('refuses a lease nobody has heard of', async () => {
      const node = await holder()
      await refuses(node.connection, { ...node.fence, lease: 12_345 }, 'fenced')
    })
  })
}
