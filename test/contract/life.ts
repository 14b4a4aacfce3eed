import { describe, expect, test } from 'vitest'
import { fingerprint } from '../support/store-contents.js'
import { claim, claims, StoreNode } from '../support/store-node.js'
import type { BenchOf } from './suite.js'

const HOUR_MS = 3_600_000

/** How a lease lives, dies and is cleared out. */
export function lifeTests(bench: BenchOf): void {
  describe('renew', () => {
    test('extends the own lease and counts the living', async () => {
      const [one, two] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      await bench().pass(2_000)
      expect(await one.renew()).toEqual({
        probes: [],
        dead: [],
        liveNodes: 2,
        recoveryMs: 0,
        overrideVersion: 0,
        orders: [],
      })
      const { leases, clockMs } = await bench().contents()
      expect(leases.get(one.lease)).toBe(clockMs + bench().timing.ttlMs)
      expect(leases.get(two.lease)).toBe(clockMs - 2_000 + bench().timing.ttlMs)
    })

    test('declares who has not renewed for a term dead, not sooner, and tells everybody (L2)', async () => {
      const [one, two, gone] = [
        await StoreNode.join(bench()),
        await StoreNode.join(bench()),
        await StoreNode.join(bench()),
      ]
      await gone.acquire(claim('a', 'acme', 1))
      const { ttlMs, renewIntervalMs } = bench().timing
      for (let passedMs = renewIntervalMs; passedMs < ttlMs; passedMs += renewIntervalMs) {
        await bench().pass(renewIntervalMs)
        await two.renew()
        expect(await one.renew()).toMatchObject({ dead: [], liveNodes: 3 })
      }
      await bench().pass(renewIntervalMs)
      expect(await one.renew()).toMatchObject({ dead: [gone.lease], liveNodes: 2 })
      expect(await two.renew()).toMatchObject({ dead: [gone.lease], liveNodes: 2 })
    })

    test('extends a lease that has expired but was not declared dead: nobody took anything', async () => {
      const node = await StoreNode.join(bench())
      await node.acquire(claim('a', 'acme', 1))
      const other = await StoreNode.join(bench())
      const { leases } = await bench().contents()
      while ((await bench().contents()).clockMs <= (leases.get(node.lease) ?? 0)) {
        await bench().pass(3_000)
        await other.hello()
      }
      expect(await node.renew()).toEqual({
        probes: [],
        dead: [],
        liveNodes: 2,
        recoveryMs: 0,
        overrideVersion: 0,
        orders: [],
      })
      expect(await node.acquireAgain(claim('a', 'acme', 1))).toMatchObject([{ admitted: true }])
    })

    test.each([1_000 * HOUR_MS, -1_000 * HOUR_MS])(
      'a jump of TIME by %d ms costs no live node its lease (R3)',
      async (jumpMs) => {
        const [one, two] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
        await two.acquire(claim('a', 'acme', 1))
        await bench().pass(jumpMs)
        expect(await one.renew()).toMatchObject({ dead: [], liveNodes: 2 })
        expect((await bench().contents()).clockMs).toBe(jumpMs < 0 ? 0 : bench().timing.clockStepCapMs)
        await bench().pass(3_000)
        expect(await two.renew()).toMatchObject({ dead: [], liveNodes: 2 })
        expect(await one.admitted(claim('b', 'acme', 1))).toBe(0)
      },
    )

    test('declares at once who died while nobody renewed (L2)', async () => {
      const [gone, other] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      for (let i = 0; i < 6; i++) {
        await bench().pass(3_000)
        await other.hello()
      }
      expect((await other.renew()).dead).toEqual([gone.lease])
    })

    test('is not needed for the dead of another life to count no more (S6)', async () => {
      const gone = await StoreNode.join(bench())
      await gone.acquire(claim('a', 'acme', 1))
      await bench().becomeAnother()
      const node = await StoreNode.join(bench())
      expect(await node.admitted(claim('b', 'acme', 1))).toBe(1)
    })

    test('tells when the soonest late holder of a full scope would be free', async () => {
      const [late, node] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      await late.acquire(claim('a', 'acme', 1))
      await node.acquire(claim('b', 'other', 1))
      expect((await node.acquire(claim('c', 'acme', 1)))[0]).not.toHaveProperty('freeInMs')
      await bench().pass(3_000)
      await node.renew()
      expect((await node.acquire(claim('c', 'acme', 1)))[0]).not.toHaveProperty('freeInMs')
      await bench().pass(3_000)
      await node.renew()
      expect(await node.acquire(claim('c', 'acme', 1), claim('d', 'other', 1))).toEqual([
        { admitted: false, reason: 'full', scope: 0, count: 1, limit: 1, freeInMs: 9_000 },
        { admitted: false, reason: 'full', scope: 0, count: 1, limit: 1 },
      ])
      await late.renew()
      await node.renew()
      expect((await node.acquire(claim('c', 'acme', 1)))[0]).not.toHaveProperty('freeInMs')
    })
  })

  describe('a holder that is late', () => {
    test('is the one of several that would be dead first, and is late from its second missed beat on', async () => {
      const nodes = [await StoreNode.join(bench()), await StoreNode.join(bench()), await StoreNode.join(bench())]
      const [first, second, node] = nodes as [StoreNode, StoreNode, StoreNode]
      const { ttlMs, lateAfterMs } = bench().timing
      await first.acquire(claim('a', 'acme', 2))
      await second.acquire(claim('b', 'acme', 2))
      const freeInMs = async () =>
        (await node.acquire(claim('c', 'acme', 2))).map((verdict) => Object(verdict).freeInMs)
      await bench().pass(1_000)
      await second.renew()
      await bench().pass(lateAfterMs - 1_001)
      await node.renew()
      expect(await freeInMs()).toEqual([undefined])
      await bench().pass(1)
      await node.renew()
      expect(await freeInMs()).toEqual([ttlMs - lateAfterMs])
      await bench().pass(1_000)
      await node.renew()
      expect(await freeInMs()).toEqual([ttlMs - lateAfterMs - 1_000])
    })

    test('whose time is over, and whom nobody has declared dead yet, is free at once', async () => {
      const [late, node] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      await late.acquire(claim('a', 'acme', 1))
      const dueMs = (await bench().contents()).leases.get(late.lease) ?? 0
      await bench().pass(3_000)
      await node.renew()
      await bench().pass(3_000)
      await node.renew()
      // A hello moves the clock too, and declares nobody dead.
      while ((await bench().contents()).clockMs <= dueMs) {
        await bench().pass(3_000)
        await node.hello()
      }
      expect(await node.acquire(claim('b', 'acme', 1))).toMatchObject([{ admitted: false, count: 1, freeInMs: 0 }])
    })
  })

  describe('the clock of the store', () => {
    test.each([1, 998, 999])('counts milliseconds, whatever of a second has passed: %d', async (passMs) => {
      const node = await StoreNode.join(bench())
      const before = await bench().contents()
      await bench().pass(passMs)
      await node.renew()
      const { clockMs, lastTimeMs } = await bench().contents()
      expect([clockMs - before.clockMs, (lastTimeMs ?? 0) - (before.lastTimeMs ?? 0)]).toEqual([passMs, passMs])
    })
  })

  describe('sweep', () => {
    test('clears a dead lease in steps of 64 and then forgets it', async () => {
      const [gone, node] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      for (const name of ['a', 'b', 'c']) {
        await gone.acquire(...claims(50, name, 'acme', 500, { name: 'gateway', id: name, limit: 50 }))
      }
      await node.acquire(claim('mine', 'acme', 500))
      await node.outlive()
      expect(await node.sweepAll(gone.lease)).toBe(4)
      const { scopes, indexes, dead, nodes } = await bench().contents()
      expect(scopes).toEqual(new Map([['org:acme', new Map([['mine', node.lease]])]]))
      expect([...indexes.keys(), ...nodes.keys()]).toEqual([node.lease, node.lease])
      expect(dead.size).toBe(0)
    })

    test('by two nodes at once does no harm, and late repeats do none (rule 4)', async () => {
      const [gone, one, two] = [
        await StoreNode.join(bench()),
        await StoreNode.join(bench()),
        await StoreNode.join(bench()),
      ]
      for (const name of ['a', 'b']) await gone.acquire(...claims(64, name, 'acme', 500))
      await one.acquire(claim('mine', 'acme', 500))
      for (let i = 0; i < 6; i++) {
        await bench().pass(3_000)
        await one.renew()
        await two.renew()
      }
      const seen = await one.sweep(gone.lease)
      await Promise.all([one.sweepAll(gone.lease), two.sweepAll(gone.lease)])
      const after = fingerprint(await bench().contents())
      expect(await two.sweep(gone.lease, seen)).toEqual([])
      expect(fingerprint(await bench().contents())).toBe(after)
      expect((await bench().contents()).scopes).toEqual(new Map([['org:acme', new Map([['mine', one.lease]])]]))
    })

    test('touches nothing of a lease that lives, nor what others hold by the same names (rule 2)', async () => {
      const [gone, node] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      await gone.acquire(claim('a', 'acme', 5))
      await node.acquire(claim('b', 'acme', 5))
      const before = fingerprint(await bench().contents())
      const entries = [claim('a', 'acme', 5), claim('b', 'acme', 5)]
      expect(await node.sweep(gone.lease, entries)).toEqual([])
      expect(fingerprint(await bench().contents())).toBe(before)
      await node.outlive()
      await node.sweep(gone.lease, entries)
      expect((await bench().contents()).scopes).toEqual(new Map([['org:acme', new Map([['b', node.lease]])]]))
    })
  })

  describe('leave', () => {
    test('with nothing held forgets the node at once (L4)', async () => {
      const [node, other] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      await node.leave()
      const { live, dead, nodes, leases } = await bench().contents()
      expect([...live.keys(), ...leases.keys(), ...nodes.keys()]).toEqual([other.lease, other.lease, other.lease])
      expect(dead.size).toBe(0)
    })

    test('with slots still held leaves them to be swept, and they count for nothing at once', async () => {
      const [node, other] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      await node.acquire(claim('a', 'acme', 1))
      await node.leave()
      expect(await other.admitted(claim('b', 'acme', 1))).toBe(1)
      expect((await other.renew()).dead).toEqual([node.lease])
      await other.sweepAll(node.lease)
      expect((await bench().contents()).scopes.get('org:acme')).toEqual(new Map([['b', other.lease]]))
    })
  })
}
