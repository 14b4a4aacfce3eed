import { describe, expect, test } from 'vitest'
import { REMEMBERED } from '../../src/store/orders.js'
import { fingerprint } from '../support/store-contents.js'
import { claim, claims, liveOn, StoreNode } from '../support/store-node.js'
import type { BenchOf } from './suite.js'

const gateway = (id: string, limit: number) => ({ name: 'gateway', id, limit })

export function takeoverTests(bench: BenchOf): void {
  const nodes = async (count: number) =>
    Promise.all(Array.from({ length: count }, () => StoreNode.join(bench()))) as Promise<[StoreNode, StoreNode]>
  const members = async (key = 'org:acme') => [...((await bench().contents()).scopes.get(key)?.keys() ?? [])].sort()
  const told = async (node: StoreNode) => (await node.renew()).orders.map(({ kind, id }) => `${kind} ${id}`)

  /** `old` holds the last slot of a full org, on the first of two nodes. */
  async function full(): Promise<[StoreNode, StoreNode]> {
    const [a, b] = await nodes(2)
    await a.acquire(claim('old', 'acme', 2), claim('other', 'acme', 2))
    return [a, b]
  }

  describe('takeover', () => {
    test('gets the slot of the one it replaces where the org is full, on another node or the same (S1, L2)', async () => {
      const [a, b] = await full()
      expect(await b.acquire(claim('new', 'acme', 2))).toMatchObject([{ admitted: false, count: 2 }])
      const took = [{ admitted: true, count: 2, limit: 2, tookOver: true }]
      expect(await b.takeOver([claim('new', 'acme', 2), 'old'])).toEqual(took)
      expect(await members()).toEqual(['new', 'other'])
      expect(await a.takeOver([claim('newer', 'acme', 2), 'other'])).toEqual(took)
      expect(await members()).toEqual(['new', 'newer'])
    })

    test('orders the lease that held it to close it, and no other', async () => {
      const [a, b] = await full()
      await b.takeOver([claim('new', 'acme', 2), 'old'])
      expect([await told(a), await told(b)]).toEqual([['takeover old'], []])
      await a.release(claim('old', 'acme', 2))
      await a.confirm({ kind: 'takeover', id: 'old' })
      expect(await told(a)).toEqual([])
      expect(await members()).toEqual(['new', 'other'])
    })

    test('is no slot of its node any more from then on, although that has yet to close it', async () => {
      const [a, b] = await full()
      await b.takeOver([claim('new', 'acme', 2), 'old'])
      const held = new Map(
        (await bench().store.inspector.nodes()).map(({ lease, connections }) => [lease, connections]),
      )
      expect([held.get(a.lease), held.get(b.lease)]).toEqual([1, 1])
      // Its node has closed it, and has yet to confirm the order.
      await a.release(claim('old', 'acme', 2))
      const left = (await bench().store.inspector.nodes()).find(({ lease }) => lease === a.lease)
      expect(left?.connections).toBe(1)
    })

    test('said again is admitted again and takes nothing; whatever the old owner still does moves nothing (S4)', async () => {
      const [a, b] = await full()
      await b.takeOver([claim('new', 'acme', 2), 'old'])
      const before = await members()
      expect(await b.takeOver([claim('new', 'acme', 2), 'old'])).toEqual([{ admitted: true, count: 2, limit: 2 }])
      expect(await b.takeOver([claim('new', 'acme', 2), 'other'])).toEqual([{ admitted: true, count: 2, limit: 2 }])
      for (const mode of ['keep', 'room'] as const) {
        expect(await a.reassert(mode, false, claim('old', 'acme', 2))).toEqual(['taken'])
      }
      await a.release(claim('old', 'acme', 2))
      expect(await members()).toEqual(before)
    })

    test('two of the same one: the first gets its slot, the other counts like any (S1)', async () => {
      const [a, b] = await full()
      const verdicts = await Promise.all([
        a.takeOver([claim('x', 'acme', 2), 'old']),
        b.takeOver([claim('y', 'acme', 2), 'old']),
      ])
      expect(verdicts.flat().filter((verdict) => verdict.admitted)).toHaveLength(1)
      expect(verdicts.flat().filter((verdict) => !verdict.admitted)).toMatchObject([{ reason: 'full', count: 2 }])
      expect((await members()).length).toBe(2)
      expect(await b.takeOver([claim('z', 'acme', 3), 'old'])).toEqual([{ admitted: true, count: 3, limit: 3 }])
    })

    test('of one that is unknown counts like any; several in one call stand alone (S5, S6)', async () => {
      const [a] = await full()
      expect(
        await a.takeOver(
          [claim('x', 'acme', 2), 'nobody'],
          [claim('y', 'acme', 2), 'old'],
          [claim('z', 'globex', 1), 'old'],
          [claim('old', 'acme', 2), 'old'],
        ),
      ).toMatchObject([{ reason: 'full' }, { tookOver: true }, { admitted: true, count: 1 }, { reason: 'full' }])
      expect(await members()).toEqual(['other', 'y'])
    })

    test('takes over what a dead lease has left, and orders nobody (L2, S6)', async () => {
      const [gone, node] = await full()
      await node.outlive()
      expect(await node.takeOver([claim('new', 'acme', 2), 'old'])).toEqual([
        { admitted: true, count: 2, limit: 2, tookOver: true },
      ])
      expect((await bench().contents()).orders.get('takeover')?.size).toBe(0)
      await node.sweepAll(gone.lease)
      expect(await members()).toEqual(['new'])
    })

    test.each([4, 40])('of an org of %d slots counts the living, whoever else is dead (S1, S6)', async (size) => {
      const [[gone, a], b] = [await nodes(2), await StoreNode.join(bench())]
      const half = size / 2
      await gone.acquire(...claims(half, 'gone', 'acme', size))
      await a.acquire(...claims(half, 'a', 'acme', size))
      await liveOn(bench(), bench().timing.ttlMs, a, b)
      expect(
        await b.takeOver(
          [claim('x', 'acme', size - 1), 'a-0'],
          [claim('y', 'acme', size), 'nobody'],
          [claim('z', 'acme', half), 'nobody'],
        ),
      ).toEqual([
        { admitted: true, count: half, limit: size - 1, tookOver: true },
        { admitted: true, count: half + 1, limit: size },
        { admitted: false, reason: 'full', scope: 0, count: half + 1, limit: half },
      ])
    })

    test('says what is reserved where the org is full, and not where another scope is', async () => {
      const [a, b] = await nodes(2)
      await a.acquire(claim('old', 'acme', 9, gateway('g', 1)))
      const plain = { ...claim('new', 'acme', 9, gateway('g', 1)), reserve: { slots: 2 } }
      expect(await b.takeOver([plain, 'nobody'])).toEqual([
        { admitted: false, reason: 'full', scope: 1, count: 1, limit: 1 },
      ])
    })

    test('refused by a further scope it leaves the old one its slots (S2)', async () => {
      const [a, b] = await nodes(2)
      await a.acquire(claim('old', 'acme', 1, gateway('g', 1)), claim('x', 'globex', 1, gateway('h', 1)))
      const before = fingerprint(await bench().contents())
      expect(await b.takeOver([claim('new', 'acme', 1, gateway('h', 1)), 'old'])).toMatchObject([
        { admitted: false, scope: 1, count: 1, limit: 1 },
      ])
      expect(fingerprint(await bench().contents())).toBe(before)
      expect(await b.takeOver([claim('new', 'acme', 1, gateway('g', 1)), 'old'])).toMatchObject([{ tookOver: true }])
      expect([await members(), await members('gateway:g')]).toEqual([['new'], ['new']])
    })

    test('of a connection of another org replaces nobody, also where they share a further scope (S5)', async () => {
      const [a, b] = await nodes(2)
      const cluster = { name: 'cluster', id: 'all', limit: 2 }
      await a.acquire(claim('victim', 'acme', 2, cluster))
      const [first] = await b.takeOver([claim('new', 'other', 2, cluster), 'victim'])
      expect(first).toEqual({ admitted: true, count: 1, limit: 2 })
      expect(await members('cluster:all')).toEqual(['new', 'victim'])
      expect(await b.takeOver([claim('next', 'other', 2, cluster), 'victim'])).toMatchObject([
        { admitted: false, reason: 'full', scope: 1, count: 2 },
      ])
      expect([await members(), await told(a)]).toEqual([['victim'], []])
    })

    test('in scopes that the newer one does not have, the old one stays until it is given back', async () => {
      const [a, b] = await nodes(2)
      const old = claim('old', 'acme', 1, gateway('g', 1))
      await a.acquire(old)
      await b.takeOver([claim('new', 'acme', 1, gateway('h', 1)), 'old'])
      expect([await members(), await members('gateway:g')]).toEqual([['new'], ['old']])
      await a.release(old)
      expect(await members('gateway:g')).toEqual([])
    })

    test('never makes an org larger than its limit, although it only hands a slot on (S1)', async () => {
      const [a, b] = await full()
      await a.override('acme', 1)
      expect(await b.takeOver([claim('new', 'acme', 2), 'old'])).toMatchObject([
        { admitted: false, count: 1, limit: 1 },
      ])
      expect(await members()).toEqual(['old', 'other'])
    })

    test('by one of the same id replaces nothing: whoever lives and holds it keeps it (S4)', async () => {
      const [a, b] = await nodes(2)
      await a.acquire(claim('old', 'acme', 3))
      expect(await b.takeOver([claim('old', 'acme', 3), 'old'])).toEqual([{ admitted: false, reason: 'conflict' }])
      expect((await bench().contents()).scopes.get('org:acme')?.get('old')).toBe(a.lease)
      expect(await told(a)).toEqual([])
    })

    test('from a dead lease takes of what is reserved as any other would: nobody’s slot is its own', async () => {
      const [, node] = await full()
      await node.outlive()
      const plain = { ...claim('new', 'acme', 1), reserve: { slots: 1 } }
      expect(await node.takeOver([plain, 'old'])).toMatchObject([{ admitted: false, reason: 'full', limit: 0 }])
    })

    test('takes nothing of what is reserved: the slot is the client’s already', async () => {
      const [a, b] = await nodes(2)
      await a.acquire(...claims(2, 'x', 'acme', 2))
      const plain = { ...claim('new', 'acme', 2), reserve: { slots: 1 } }
      expect(await b.acquire(plain)).toMatchObject([{ admitted: false, limit: 1 }])
      expect(await b.takeOver([plain, 'x-0'])).toEqual([{ admitted: true, count: 2, limit: 2, tookOver: true }])
    })

    test.each(['evict', 'surplus'] as const)('one order a connection: that of before gives way, %s', async (kind) => {
      const [a, b] = await full()
      await b.order(kind, 'acme', ['old'], 1)
      await b.takeOver([claim('new', 'acme', 2), 'old'])
      expect(await told(a)).toEqual(['takeover old'])
      expect((await b.order('evict', 'acme', ['old'])).verdicts).toEqual(['gone'])
    })

    test('never takes another live lease’s id (rule 2)', async () => {
      const [a, b] = await full()
      expect(await b.takeOver([claim('other', 'acme', 2), 'old'])).toEqual([{ admitted: false, reason: 'conflict' }])
      expect(await members()).toEqual(['old', 'other'])
      expect(await told(a)).toEqual([])
    })

    test('looks for the id of a claim in the scopes of that claim, and not of the one before it (S5)', async () => {
      const [, b] = await full()
      expect(await b.takeOver([claim('x', 'acme', 3), 'nobody'], [claim('other', 'globex', 1), 'nobody'])).toEqual([
        { admitted: true, count: 3, limit: 3 },
        { admitted: true, count: 1, limit: 1 },
      ])
    })

    test('stays an order for as long as its owner does not confirm it, also when it is forgotten otherwise', async () => {
      const [a, b] = await full()
      await b.takeOver([claim('new', 'acme', 2), 'old'])
      await liveOn(bench(), REMEMBERED.forMs, a, b)
      expect((await bench().contents()).taken.size).toBe(0)
      expect(await a.reassert('keep', false, claim('old', 'acme', 2))).toEqual(['ordered'])
      expect(await told(a)).toEqual(['takeover old'])
    })

    test('is remembered where nothing was left to take over: the node of a lease that was swept may come back (L2)', async () => {
      const [gone, node] = await full()
      await node.outlive()
      await node.sweepAll(gone.lease)
      const verdicts = await node.takeOver([claim('new', 'acme', 2), 'old'], [claim('else', 'globex', 2), 'other'])
      expect(verdicts).toEqual([
        { admitted: true, count: 1, limit: 2 },
        { admitted: true, count: 1, limit: 2 },
      ])
      const back = await StoreNode.join(bench())
      const words = await back.reassert('room', true, claim('old', 'acme', 2), claim('other', 'acme', 2))
      expect(words, 'S5: what another org claims to replace is no word about this one').toEqual(['taken', 'kept'])
      expect(await members()).toEqual(['new', 'other'])
    })

    test('is not remembered where the claim was refused, nor of one that replaces itself (S2)', async () => {
      const [, b] = await full()
      expect(await b.takeOver([claim('x', 'acme', 2), 'nobody'])).toMatchObject([{ admitted: false }])
      expect(await b.takeOver([claim('y', 'globex', 2), 'y'])).toMatchObject([{ admitted: true }])
      expect((await bench().contents()).taken.size).toBe(0)
    })

    test('is remembered past the lease that held it, for ten minutes: its owner comes back too late (S1)', async () => {
      const [gone, node] = await full()
      await node.takeOver([claim('new', 'acme', 2), 'old'])
      const tookAtMs = (await bench().contents()).clockMs
      await node.outlive()
      await node.sweepAll(gone.lease)
      const back = await StoreNode.join(bench())
      expect(await back.reassert('room', true, claim('old', 'acme', 2), claim('other', 'acme', 2))).toEqual([
        ...['taken', 'kept'],
      ])
      const rememberedUntilMs = tookAtMs + REMEMBERED.forMs
      while (rememberedUntilMs - (await bench().contents()).clockMs > bench().timing.renewIntervalMs) {
        await bench().pass(bench().timing.renewIntervalMs)
        await node.renew()
      }
      expect((await bench().contents()).taken, 'S1: forgotten before its time').toEqual(
        new Map([['old org:acme', tookAtMs]]),
      )
      await bench().pass(bench().timing.renewIntervalMs)
      await node.renew()
      expect((await bench().contents()).taken.size).toBe(0)
    })
  })

  describe('the secret of resume tokens', () => {
    test('is that of the first hello, for all, until the store is wiped', async () => {
      const secretOf = async () => {
        const node = await StoreNode.join(bench())
        const reply = await node.hello()
        return reply.status === 'ok' ? reply.value.resumeSecret : reply
      }
      const first = await secretOf()
      expect(first).toEqual(expect.stringMatching(/./))
      expect(await secretOf()).toBe(first)
      await bench().becomeAnother()
      expect(await secretOf()).toBe(first)
      await bench().wipe()
      expect(await secretOf()).not.toBe(first)
    })
  })
}
