import { describe, expect, test } from 'vitest'
import type { OverrideRecord } from '../../src/store/override-records.js'
import { Memory } from '../support/override-memory.js'
import { liveOn, recovered, StoreNode } from '../support/store-node.js'
import type { BenchOf } from './suite.js'

const remembered = (org: string, version: number, rest: Partial<OverrideRecord> = {}): OverrideRecord => ({
  ...{ org, kind: 'override', version, limit: 1, expiresInMs: undefined, details: '' },
  ...rest,
})

/** What operators have set, through the loss of the store: what nodes remember, and what the store makes of it. */
export function rememberedTests(bench: BenchOf): void {
  const inForce = async (org: string) => (await bench().store.inspector.countOrgs([org]))[0]?.override

  /** A node in a store that does not recover, and its memory. */
  async function joined(): Promise<{ node: StoreNode; memory: Memory }> {
    const [node, memory] = [await StoreNode.join(bench()), new Memory()]
    await recovered(bench(), node)
    await memory.join(node)
    return { node, memory }
  }

  /** Comes back after the loss, and has told all that it knows. */
  async function back(memory: Memory): Promise<StoreNode> {
    const node = await StoreNode.join(bench(), { reasserting: true })
    await memory.join(node)
    await node.reassert('keep', true)
    return node
  }

  describe('what nodes remember of overrides (R1)', () => {
    // After an hour the former end has passed before the node that is behind writes anything back.
    test.each([
      { cutOff: 'a moment', cutOffMs: 0, aheadMs: 3_000 },
      { cutOff: 'an hour', cutOffMs: 3_600_000, aheadMs: 200 },
    ])('does not end what an operator has prolonged before a loss that cut nodes off for $cutOff', async (times) => {
      const [a, b] = [await joined(), await joined()]
      await a.node.override('evil', 0, { expiresInMs: 60_000 })
      for (const { node, memory } of [a, b]) {
        await memory.renew(node)
        memory.clock.advance(58_000)
      }
      // Two seconds before its end an operator makes it last. The other node would hear of that with its next renewal.
      await a.node.override('evil', 0)
      await a.memory.renew(a.node)
      for (const { memory } of [a, b]) memory.clock.advance(times.cutOffMs)

      await bench().wipe()
      const behind = await back(b.memory)
      await b.memory.renew(behind)
      await bench().pass(times.aheadMs)
      expect((await b.memory.renew(behind)).recoveryMs).toBeGreaterThan(0)
      a.memory.clock.advance(times.aheadMs)
      const ahead = await back(a.memory)
      await recovered(bench(), ahead)
      await a.memory.renew(ahead)
      await b.memory.renew(behind)
      const known = [a, b].map(({ memory }) => memory.overrides.limitOf('evil'))
      expect([await inForce('evil'), ...known]).toEqual([0, 0, 0])
    })

    test('ends in its time, though an old snapshot would have it last longer', async () => {
      const { node, memory } = await joined()
      await memory.set('acme', 5, { forMs: 60_000 })
      await memory.renew(node)
      // The store is away with a copy of what it held, for almost as long as the limit was to last.
      memory.clock.advance(50_000)
      await bench().becomeAnother()
      const again = await back(memory)
      await recovered(bench(), again)
      await memory.renew(again)
      expect(await inForce('acme')).toBe(5)
      await liveOn(bench(), 12_000, again)
      expect(await inForce('acme')).toBeUndefined()
    })

    test.each([
      { what: 'of other words', kept: '{"note":"theirs"}' },
      { what: 'without an end', expiresInMs: undefined },
      { what: 'from before it was changed', version: 1 },
    ])('ends in its time, whatever is offered $what', async (differs) => {
      const offered = { version: 2, kept: '{"note":"ours"}', expiresInMs: 1_000, ...differs }
      const { node } = await joined()
      await node.override('acme', 7)
      await node.override('acme', 5, { expiresInMs: 60_000, details: offered.kept })
      await bench().becomeAnother()
      const writer = await StoreNode.join(bench(), { reasserting: true })
      const { version, expiresInMs } = offered
      await writer.restore(remembered('acme', version, { limit: 7, expiresInMs, details: '{"note":"ours"}' }))
      await writer.reassert('keep', true)
      await recovered(bench(), writer)
      await liveOn(bench(), 40_000, writer)
      expect(await inForce('acme')).toBe(5)
      await liveOn(bench(), 30_000, writer)
      expect(await inForce('acme')).toBeUndefined()
    })

    test('gets no end from what is offered under its number', async () => {
      const { node } = await joined()
      await node.override('acme', 5, { details: '{}' })
      await bench().becomeAnother()
      const writer = await StoreNode.join(bench(), { reasserting: true })
      await writer.restore(remembered('acme', 1, { limit: 5, expiresInMs: 1_000, details: '{}' }))
      await writer.reassert('keep', true)
      await recovered(bench(), writer)
      await liveOn(bench(), 10_000, writer)
      expect(await inForce('acme')).toBe(5)
    })

    test('is all that is in force, in whatever order others wrote it back while a newcomer looked', async () => {
      const { node, memory } = await joined()
      await memory.renew(node)
      await bench().wipe()
      const [writer, fresh] = [await StoreNode.join(bench(), { reasserting: true }), await StoreNode.join(bench())]
      await memory.join(fresh)
      const brief = { expiresInMs: 1_000, details: '{"expiresAt":"soon"}' }
      await writer.restore(remembered('newer', 9), remembered('brief', 10, brief))
      await memory.renew(fresh)
      expect(memory.overrides.size).toBe(2)
      await writer.restore(remembered('older', 3))
      await writer.reassert('keep', true)
      while ((await memory.renew(fresh)).recoveryMs > 0) await bench().pass(bench().timing.renewIntervalMs)
      expect(['older', 'newer', 'brief'].map((org) => memory.overrides.limitOf(org))).toEqual([1, 1, undefined])
      // Of what it meets once more, what has changed since its first look is told, and nothing else.
      expect(memory.told).toEqual(['override of brief ended', 'override of brief: undefined'])
    })

    test('is all that is in force, where a newcomer looked between two calls of one that writes back', async () => {
      const old = await joined()
      for (let i = 0; i < 150; i++) await old.node.override(`org-${i}`, i + 1)
      await old.memory.renew(old.node)
      await old.node.override('org-0', 1_000)
      await old.memory.renew(old.node)
      await bench().wipe()
      const [fresh, memory] = [await StoreNode.join(bench()), new Memory()]
      await memory.join(fresh)
      const again = await StoreNode.join(bench(), { reasserting: true })
      const looks: number[][] = []
      await old.memory.join(again, async () => {
        await memory.renew(fresh)
        looks.push([memory.overrides.size, memory.overrides.limitOf('org-0') ?? 0])
      })
      // What was changed last comes last, so that the newcomer has hardly passed anything.
      expect(looks).toEqual([
        [64, 0],
        [128, 0],
        [150, 1_000],
      ])
      await again.reassert('keep', true)
      await recovered(bench(), again)
      await memory.renew(fresh)
      const known = Array.from({ length: 150 }, (_, i) => memory.overrides.limitOf(`org-${i}`))
      expect(known).toEqual([1_000, ...Array.from({ length: 149 }, (_, i) => i + 2)])
    })
  })
}
