import { describe, expect, test } from 'vitest'
import { newEpoch, newLease } from '../../src/core/ids.js'
import type { HelloRequest } from '../../src/store/lease-store.js'
import { fingerprint } from '../support/store-contents.js'
import { claim, done, recovered, StoreNode } from '../support/store-node.js'
import type { BenchOf } from './suite.js'

export function helloTests(bench: BenchOf): void {
  /** When the store's present life began, by its name. */
  const dateOfLife = async () => Number(/\d+$/.exec((await StoreNode.join(bench())).fence.epoch)?.[0])

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
      const request = firstHello()
      const first = done(await connection.hello(request))
      expect(first).toMatchObject({ newEpoch: true, evictionPolicy: 'noeviction' })
      expect(first.epoch).toContain(request.proposedEpoch)
      const second = await StoreNode.join(bench())
      expect(second.fence.epoch).toBe(first.epoch)
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
      for (const generation of [1, 2]) {
        expect(await node.hello({ generation })).toEqual({ status: 'refused', reason: 'stale' })
      }
      expect(fingerprint(await bench().contents())).toBe(before)
      expect(await node.hello({ generation: 12 })).toMatchObject({ status: 'ok' })
    })

    test('refuses a new lease by the name of a live one', async () => {
      const node = await StoreNode.join(bench())
      const twin = StoreNode.join(bench(), { lease: node.lease })
      await expect(twin).rejects.toThrow('stale')
    })

    test('said again because nobody heard the answer opens the same lease, and replaces the first (R1)', async () => {
      const unheard = await StoreNode.join(bench(), { reasserting: true, info: '{"name":"first"}' })
      const { lease } = unheard
      await bench().pass(1_000)
      const node = await StoreNode.join(bench(), { lease, generation: 2, info: '{"name":"second"}' })
      const { live, leases, nodes, clockMs } = await bench().contents()
      expect([...live]).toEqual([[lease, { generation: 2, awaited: false }]])
      expect([...leases]).toEqual([[lease, clockMs + bench().timing.ttlMs]])
      expect([...nodes]).toEqual([[lease, '{"name":"second"}']])
      const late = await unheard.connection.reassert(unheard.fence, [claim('a', 'acme', 1)], {
        mode: 'keep',
        final: true,
      })
      expect(late, 'S3: what was said on the first connection').toEqual({ status: 'refused', reason: 'stale' })
      // It may be said to be reasserting only now, and no longer.
      await StoreNode.join(bench(), { lease, generation: 3, reasserting: true })
      expect((await bench().contents()).live.get(lease)).toEqual({ generation: 3, awaited: true })
      expect(await node.hello()).toEqual({ status: 'refused', reason: 'stale' })
    })

    test('that comes late, after the one that was said instead, is refused by its generation (S3)', async () => {
      const node = await StoreNode.join(bench(), { generation: 2 })
      const before = fingerprint(await bench().contents())
      for (const generation of [1, 2]) {
        await expect(StoreNode.join(bench(), { lease: node.lease, generation })).rejects.toThrow('stale')
      }
      expect(fingerprint(await bench().contents())).toBe(before)
    })

    test('that opens a lease which has died and is forgotten gives it back to nobody (S3)', async () => {
      const [node, survivor] = [await StoreNode.join(bench(), { generation: 2 }), await StoreNode.join(bench())]
      await recovered(bench(), node)
      await node.acquire(claim('a', 'acme', 1))
      await survivor.outlive()
      await survivor.sweepAll(node.lease)
      expect(await survivor.admitted(claim('b', 'acme', 1))).toBe(1)
      // The first hello, which nobody answered, was under way all the time.
      await StoreNode.join(bench(), { lease: node.lease, generation: 1 })
      expect(await node.hello(), 'S1: two hold the only slot').toEqual({ status: 'refused', reason: 'fenced' })
    })

    test('said again in another epoch opens the lease there (R1)', async () => {
      const unheard = await StoreNode.join(bench(), { reasserting: true })
      await bench().wipe()
      const node = await StoreNode.join(bench(), { lease: unheard.lease, generation: 2 })
      expect(node.fence.epoch).not.toBe(unheard.fence.epoch)
      expect((await bench().contents()).live.size).toBe(1)
      expect(await unheard.hello()).toEqual({ status: 'refused', reason: 'lost' })
    })

    test('that the network delivers once more after a loss begins no epoch of before: all are told of the loss (R1)', async () => {
      const connection = done(await bench().store.connect())
      const request = firstHello()
      const first = done(await connection.hello(request))
      const node = await StoreNode.join(bench())
      await bench().becomeAnother()
      expect(await connection.hello(request)).toEqual({ status: 'refused', reason: 'fenced' })
      expect((await bench().contents()).epoch).not.toBe(first.epoch)
      expect(await node.hello()).toEqual({ status: 'refused', reason: 'lost' })
    })

    test('that the network delivers once more to a store that has forgotten it begins another epoch too (R1)', async () => {
      const connection = done(await bench().store.connect())
      const request = firstHello()
      await connection.hello(request)
      const node = await StoreNode.join(bench())
      await bench().wipe()
      await bench().pass(1)
      done(await connection.hello(request))
      expect(await node.hello()).toEqual({ status: 'refused', reason: 'lost' })
    })

    test.each([
      ['under a known lease', (epoch: string) => ({ known: { generation: 1, epoch } })],
      ['for another lease', (epoch: string) => ({ lastEpoch: epoch })],
    ])('does so too where its node was in a life dated later, %s (R1)', async (_, past) => {
      // The clock of the store that begins is behind the one before: no date of its own would be later.
      const later = `elsewheret${(await dateOfLife()) + 3_600_000}`
      const connection = done(await bench().store.connect())
      const request = { ...firstHello(), ...past(later) }
      await bench().wipe()
      await connection.hello(request)
      const node = await StoreNode.join(bench())
      await bench().wipe()
      await bench().pass(1)
      await connection.hello(request)
      expect(await node.hello()).toEqual({ status: 'refused', reason: 'lost' })
    })

    test('said again to an old snapshot finds the lease dead, as all that are stored there', async () => {
      const unheard = await StoreNode.join(bench(), { reasserting: true })
      await bench().becomeAnother()
      await expect(StoreNode.join(bench(), { lease: unheard.lease, generation: 2 })).rejects.toThrow('fenced')
    })

    test.each([
      ['a later life', 24 * 3_600_000],
      ['one of the same date', 0],
    ])('of a node that was in %s elsewhere begins another: all that is held here is old (R1)', async (_, laterMs) => {
      const node = await StoreNode.join(bench())
      await recovered(bench(), node)
      await node.acquire(claim('a', 'acme', 1))
      const here = node.fence.epoch
      const begun = Number(/\d+$/.exec(here)?.[0])
      const from = (dateMs: number) => node.hello({ known: { generation: 1, epoch: `elsewheret${dateMs}` } })
      expect(await from(begun - 1), 'control: a life of before').toEqual({ status: 'refused', reason: 'lost' })
      expect((await bench().contents()).epoch).toBe(here)
      // The clock of the other store may be ahead by hours, both may be behind, and not all come back at once.
      expect(await from(begun + laterMs)).toEqual({ status: 'refused', reason: 'lost' })
      const { epoch, live, dead } = await bench().contents()
      expect({ isAnother: epoch !== here, live: live.size, dead: [...dead] }).toEqual({
        ...{ isAnother: true, live: 0, dead: [node.lease] },
      })
      expect(await from(begun + laterMs)).toEqual({ status: 'refused', reason: 'lost' })
      expect((await bench().contents()).epoch).toBe(epoch)
    })

    test('of a node that had its last lease in a later life elsewhere begins another too, and opens the new one (R1)', async () => {
      const node = await StoreNode.join(bench())
      const here = node.fence.epoch
      const begun = Number(/\d+$/.exec(here)?.[0])
      const come = async (dateMs: number) =>
        done(await node.connection.hello({ ...firstHello(), lastEpoch: `elsewheret${dateMs}` }))
      expect(await come(begun - 1), 'control: a life of before').toMatchObject({ epoch: here, newEpoch: false })
      const { epoch, newEpoch } = await come(begun)
      expect([epoch === here, newEpoch]).toEqual([false, true])
      expect(await come(begun)).toMatchObject({ epoch, newEpoch: false })
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

/** What a node says when it starts, by a name and with an epoch of its own. */
function firstHello(): HelloRequest {
  return {
    lease: newLease(),
    generation: 1,
    proposedEpoch: newEpoch(),
    proposedSecret: 's',
    reasserting: false,
    nodeInfo: '',
  }
}
