import { describe, expect, test } from 'vitest'
import { claim, liveOn, recovered, StoreNode } from '../support/store-node.js'
import type { BenchOf } from './suite.js'

/** A store without memory waits: 2R and what a jump of TIME may eat, then for who said hello, at most T + R. */
export function recoveryTests(bench: BenchOf): void {
  const acquire = (node: StoreNode) => node.connection.acquire(node.fence, [claim('a', 'acme', 1)])

  /** Passes beats by renewals of `node` until admissions are on; returns the store's milliseconds that took. */
  async function recoveryOf(node: StoreNode, beside: () => Promise<unknown> = async () => {}): Promise<number> {
    const began = (await bench().contents()).clockMs
    while ((await node.renew()).recoveryMs > 0) {
      expect(await acquire(node)).toMatchObject({ status: 'refused', reason: 'recovering' })
      await beside()
      await bench().pass(500)
    }
    expect(await acquire(node)).toMatchObject({ status: 'ok' })
    return (await bench().contents()).clockMs - began
  }

  describe('recovery (R1)', () => {
    test('of an empty store takes its time, and says how long is left', async () => {
      const node = await StoreNode.join(bench())
      const { recoveryMs } = bench().timing
      expect(await node.renew()).toMatchObject({ recoveryMs })
      expect(await acquire(node)).toEqual({ status: 'refused', reason: 'recovering', retryAfterMs: recoveryMs })
      await bench().pass(1_000)
      expect(await node.renew()).toMatchObject({ recoveryMs: recoveryMs - 1_000 })
      expect(await acquire(node)).toMatchObject({ retryAfterMs: recoveryMs - 1_000 })
      expect(await recoveryOf(node)).toBe(recoveryMs - 1_000)
    })

    test('is over for nodes that came during it, and for those that come later', async () => {
      const [one, two] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      await recoveryOf(one)
      expect(await two.admitted(claim('b', 'other', 1))).toBe(1)
      const three = await StoreNode.join(bench(), { reasserting: true })
      expect(await three.admitted(claim('c', 'third', 1))).toBe(1)
    })

    test('waits for every node that has something to reassert', async () => {
      const [node, slow] = [await StoreNode.join(bench()), await StoreNode.join(bench(), { reasserting: true })]
      await slow.reassert('keep', false, claim('s1', 'acme', 9))
      let steps = 0
      const tookMs = await recoveryOf(node, async () => {
        steps += 1
        if (steps === 20) await slow.reassert('keep', true, claim('s2', 'acme', 9))
      })
      expect(tookMs).toBe(20 * 500)
    })

    test('goes on waiting for a node that says hello again before it has reasserted', async () => {
      const [node, slow] = [await StoreNode.join(bench()), await StoreNode.join(bench(), { reasserting: true })]
      let steps = 0
      const tookMs = await recoveryOf(node, async () => {
        steps += 1
        if (steps === 10) await slow.hello()
        if (steps === 20) await slow.reassert('keep', true)
      })
      expect(tookMs).toBe(20 * 500)
    })

    test('says that it may be over any moment while it only waits for another node, to a takeover too', async () => {
      const [node] = [await StoreNode.join(bench()), await StoreNode.join(bench(), { reasserting: true })]
      const { recoveryMs } = bench().timing
      const takeOver = () => node.connection.takeover(node.fence, [{ ...claim('a', 'acme', 1), replaces: 'b' }])
      const recovering = (retryAfterMs: number) => ({ status: 'refused', reason: 'recovering', retryAfterMs })
      await bench().pass(1_000)
      await node.renew()
      expect([await acquire(node), await takeOver()]).toEqual(Array(2).fill(recovering(recoveryMs - 1_000)))
      await liveOn(bench(), recoveryMs, node)
      expect([await acquire(node), await takeOver()]).toEqual(Array(2).fill(recovering(0)))
    })

    test('waits no longer than T + R for a node that never reasserts', async () => {
      const [node, stuck] = [await StoreNode.join(bench()), await StoreNode.join(bench(), { reasserting: true })]
      const { recoveryLimitMs } = bench().timing
      expect(await recoveryOf(node, async () => stuck.renew())).toBe(recoveryLimitMs)
    })

    test('does not wait for a node that died or left meanwhile', async () => {
      const [node, left] = [await StoreNode.join(bench()), await StoreNode.join(bench(), { reasserting: true })]
      await left.leave()
      expect(await recoveryOf(node)).toBe(bench().timing.recoveryMs)
    })

    test('leaves every node its next renewal, although TIME jumps (R1, R3)', async () => {
      const [early, late] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      await recovered(bench(), early)
      expect(await late.admitted(claim('open', 'acme', 1))).toBe(1)
      await bench().wipe()
      const first = await StoreNode.join(bench())
      await bench().pass(24 * 3_600_000)
      await first.renew()
      // The other node keeps its rhythm: its next renewal, 1.1 R later at most, tells it of the loss.
      await bench().pass(Math.ceil(bench().timing.renewIntervalMs * 1.1))
      await first.renew()
      expect(await acquire(first)).toMatchObject({ reason: 'recovering' })
      const back = await StoreNode.join(bench(), { reasserting: true })
      expect(await back.reassert('keep', true, claim('open', 'acme', 1))).toEqual(['kept'])
      await recovered(bench(), first)
      expect(await first.admitted(claim('a', 'acme', 1)), 'R1: one too many after a jump').toBe(0)
    })

    test('is not cut short by a jump of TIME (R3)', async () => {
      const node = await StoreNode.join(bench())
      await bench().pass(24 * 3_600_000)
      expect(await node.renew()).toMatchObject({
        recoveryMs: bench().timing.recoveryMs - bench().timing.clockStepCapMs,
      })
    })

    test.each(['wipe', 'becomeAnother'] as const)('begins again after %s, and refuses no other verb', async (loss) => {
      const node = await StoreNode.join(bench())
      await recovered(bench(), node)
      await bench()[loss]()
      const again = await StoreNode.join(bench(), { reasserting: true })
      expect(await acquire(again)).toMatchObject({ reason: 'recovering' })
      await again.override('acme', 5)
      await again.reassert('keep', true, claim('x', 'acme', 1))
      await again.release(claim('x', 'acme', 1))
      expect(await again.connection.audit(again.fence, '0', [])).toMatchObject({ status: 'ok' })
      expect(await recoveryOf(again)).toBe(bench().timing.recoveryMs)
    })
  })
}
