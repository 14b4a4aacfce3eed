import { describe, expect, test } from 'vitest'
import { type Order, REMEMBERED } from '../../src/store/orders.js'
import { fingerprint } from '../support/store-contents.js'
import { claim, claims, liveOn, StoreNode } from '../support/store-node.js'
import type { BenchOf } from './suite.js'

const LIMIT = 10

export function orderTests(bench: BenchOf): void {
  const nodes = async (count: number) =>
    Promise.all(Array.from({ length: count }, () => StoreNode.join(bench()))) as Promise<[StoreNode, StoreNode]>
  const ids = (count: number, name = 'x') => claims(count, name, 'acme', LIMIT).map(({ id }) => id)
  const ordered = async (node: StoreNode) => (await node.renew()).orders.map(({ kind, id }) => `${kind} ${id}`)
  const orders = async () => fingerprint({ orders: (await bench().contents()).orders } as never)

  /** Two nodes that hold three slots each of one org. */
  async function sixHeld(): Promise<[StoreNode, StoreNode]> {
    const [a, b] = await nodes(2)
    await a.acquire(...claims(3, 'a', 'acme', LIMIT))
    await b.acquire(...claims(3, 'b', 'acme', LIMIT))
    return [a, b]
  }

  describe('order', () => {
    test('reaches the owner, whoever orders, with every renewal until it is confirmed; others hear nothing', async () => {
      const [a, b] = await sixHeld()
      expect(await a.order('evict', 'acme', ['b-1'])).toEqual({
        ...{ count: 6, leaving: 1, limit: Number.POSITIVE_INFINITY, verdicts: ['ordered'] },
      })
      expect(await ordered(b)).toEqual(['evict b-1'])
      expect(await ordered(b)).toEqual(['evict b-1'])
      expect(await ordered(a)).toEqual([])
      await b.release(claim('b-1', 'acme', LIMIT))
      await b.confirm({ kind: 'evict', id: 'b-1' })
      expect(await ordered(b)).toEqual([])
    })

    test('comes in the order of the ids, whatever the order in which it was given: so pages do not overlap', async () => {
      const [a, b] = await sixHeld()
      for (const id of ['b-1', 'b-2', 'b-0']) await a.order('evict', 'acme', [id])
      expect(await ordered(b)).toEqual(['evict b-0', 'evict b-1', 'evict b-2'])
    })

    test('outlives the lease that was ordered, where its node brings the connection back under another', async () => {
      const [, b] = await sixHeld()
      await b.order('surplus', 'acme', ['a-1'], 5)
      await b.order('evict', 'acme', ['a-0', 'a-1'])
      await b.outlive()
      const again = await StoreNode.join(bench())
      expect(await ordered(again)).toEqual([])
      const back = claims(3, 'a', 'acme', LIMIT)
      expect(await again.reassert('room', true, ...back)).toEqual(['kept', 'kept', 'kept'])
      // Their slots are their own until they have closed (L1).
      expect(await bench().store.inspector.countOrgs(['acme'])).toMatchObject([{ count: 6 }])
      expect(await ordered(again)).toEqual(['evict a-0', 'evict a-1'])
      await again.release(...back.slice(0, 2))
      await again.confirm({ kind: 'evict', id: 'a-0' }, { kind: 'evict', id: 'a-1' })
      expect(await ordered(again)).toEqual([])
    })

    test('stands for as long as its owner does not confirm it, also when nobody knows otherwise who was evicted', async () => {
      const [a, b] = await sixHeld()
      await b.order('evict', 'acme', ['a-0'])
      await liveOn(bench(), REMEMBERED.forMs, a, b)
      expect((await bench().contents()).evicted.size).toBe(0)
      expect(await ordered(a)).toEqual(['evict a-0'])
      expect(await a.reassert('keep', false, claim('a-0', 'acme', LIMIT))).toEqual(['ordered'])
    })

    test('once it is confirmed, is given again to who holds a slot all the same', async () => {
      const [a, b] = await sixHeld()
      await b.order('evict', 'acme', ['a-0'])
      await a.confirm({ kind: 'evict', id: 'a-0' })
      expect(await b.order('evict', 'acme', ['a-0'])).toMatchObject({ verdicts: ['ordered'] })
    })

    test('an end of the lease ends an order about a surplus: the org may hold less by then', async () => {
      const [, b] = await sixHeld()
      await b.order('surplus', 'acme', ['a-0'], 5)
      await b.outlive()
      const again = await StoreNode.join(bench())
      expect(await again.reassert('room', true, claim('a-0', 'acme', LIMIT))).toEqual(['kept'])
      expect(await ordered(again)).toEqual([])
    })

    test('frees no slot: that is the owner’s to do (L1)', async () => {
      const [a, b] = await sixHeld()
      await a.order('evict', 'acme', ['b-0', 'b-1', 'b-2'])
      expect(await bench().store.inspector.countOrgs(['acme'])).toMatchObject([{ count: 6 }])
      expect(await b.acquire(claim('more', 'acme', 6))).toMatchObject([{ admitted: false, count: 6 }])
    })

    test('a connection is ordered once, and one without a slot of the org never', async () => {
      const [a, b] = await sixHeld()
      await b.acquire(claim('else', 'other', LIMIT))
      expect((await a.order('evict', 'acme', ['a-0', 'a-0', 'else', 'nobody'])).verdicts).toEqual([
        ...['ordered', 'leaving', 'gone', 'gone'],
      ])
      expect((await b.order('surplus', 'acme', ['a-0', 'b-0'], 0)).verdicts).toEqual(['leaving', 'ordered'])
      expect((await b.order('evict', 'acme', ['b-0'])).verdicts).toEqual(['leaving'])
      expect(await b.order('evict', 'nobody', ['a-0'])).toMatchObject({ count: 0, leaving: 0, verdicts: ['gone'] })
    })

    test('of the surplus orders as many as the org has too many, the first named first (S1)', async () => {
      const [a] = await sixHeld()
      expect(await a.order('surplus', 'acme', ['b-2', 'a-0', 'b-0'], 4)).toEqual({
        ...{ count: 6, leaving: 2, limit: 4, verdicts: ['ordered', 'ordered', 'spared'] },
      })
    })

    test('several nodes at once order the surplus once, whatever each names (S1)', async () => {
      const [a, b] = await sixHeld()
      const replies = await Promise.all([
        a.order('surplus', 'acme', [...ids(3, 'a'), ...ids(3, 'b')], 4),
        b.order('surplus', 'acme', [...ids(3, 'b'), ...ids(3, 'a')], 4),
        a.order('surplus', 'acme', ids(3, 'b'), 4),
      ])
      const words = replies.flatMap(({ verdicts }) => verdicts)
      expect(words.filter((word) => word === 'ordered')).toHaveLength(2)
      expect(replies.at(-1)).toMatchObject({ count: 6, leaving: 2 })
    })

    test('of the surplus counts who was evicted, and forgets who has left', async () => {
      const [a, b] = await sixHeld()
      await a.order('evict', 'acme', ['b-0'])
      expect((await a.order('surplus', 'acme', ['b-1', 'b-2'], 4)).verdicts).toEqual(['ordered', 'spared'])
      // Given back, and not confirmed yet: the order is of no connection that counts.
      await b.release(claim('b-0', 'acme', LIMIT), claim('b-1', 'acme', LIMIT))
      expect(await a.order('surplus', 'acme', ['b-2', 'a-0'], 3)).toMatchObject({
        ...{ count: 4, leaving: 1, verdicts: ['ordered', 'spared'] },
      })
    })

    test.each([
      ['an override wins over the limit that is named', 5, 0, ['ordered', 'spared']],
      ['and may be unlimited', Number.POSITIVE_INFINITY, 0, ['spared', 'spared']],
      ['without one the limit that is named counts', undefined, 5, ['ordered', 'spared']],
      ['which may be unlimited', undefined, Number.POSITIVE_INFINITY, ['spared', 'spared']],
      ['or nothing at all', undefined, 0, ['ordered', 'ordered']],
    ] as const)('of the surplus: %s', async (_, override, limit, verdicts) => {
      const [a] = await sixHeld()
      await a.override('acme', override)
      expect(await a.order('surplus', 'acme', ['a-0', 'a-1'], limit)).toMatchObject({
        ...{ count: 6, limit: override ?? limit, verdicts },
      })
    })

    test('slots of the dead are no surplus, and the dead are ordered nothing', async () => {
      const [gone, node] = await sixHeld()
      await node.order('evict', 'acme', ['a-0'])
      await node.outlive()
      expect(await node.order('surplus', 'acme', ['a-1', 'b-0', 'b-1'], 2)).toEqual({
        ...{ count: 3, leaving: 1, limit: 2, verdicts: ['gone', 'ordered', 'spared'] },
      })
      await node.sweepAll(gone.lease)
      expect((await bench().contents()).scopes.get('org:acme')?.size).toBe(3)
    })

    test('takes up to 64 at a time, and a long list is told page by page', async () => {
      const [a, b] = await nodes(2)
      for (const name of ['p', 'q']) await a.acquire(...claims(64, name, 'acme', 500))
      await b.order('evict', 'acme', ids(64, 'p'))
      await b.order('evict', 'acme', ids(6, 'q'))
      const first = (await a.renew()).orders
      const second = (await a.renew(64)).orders
      expect([first.length, second.length]).toEqual([64, 6])
      expect(new Set([...first, ...second].map(({ id }) => id))).toEqual(new Set([...ids(64, 'p'), ...ids(6, 'q')]))
      await expect(async () => b.order('evict', 'acme', ids(65))).rejects.toThrow(RangeError)
    })
  })

  describe('drain', () => {
    const told = async (node: StoreNode) => (await node.renew()).orders

    test('reaches the node, whoever orders, with every renewal, and takes no slot and no order of a connection', async () => {
      const [a, b] = await sixHeld()
      expect(await a.drain(b.lease)).toBe('ordered')
      expect(await a.drain(b.lease)).toBe('leaving')
      for (let n = 0; n < 2; n++) expect(await told(b)).toEqual([{ kind: 'drain', id: String(b.lease) }])
      expect(await told(a)).toEqual([])
      expect(await a.order('surplus', 'acme', ['b-0'], 6)).toMatchObject({ count: 6, leaving: 0, verdicts: ['spared'] })
      expect(await b.admitted(claim('more', 'acme', LIMIT))).toBe(1)
      expect(await b.reassert('keep', false, claim('b-0', 'acme', LIMIT))).toEqual(['kept'])
    })

    test('may be the own node, and is nothing for one that does not live', async () => {
      const [a, b] = await nodes(2)
      const before = await orders()
      expect(await a.drain(1)).toBe('gone')
      await b.leave()
      expect(await a.drain(b.lease)).toBe('gone')
      expect(await orders()).toBe(before)
      expect(await a.drain(a.lease)).toBe('ordered')
      expect(await told(a)).toEqual([{ kind: 'drain', id: String(a.lease) }])
    })

    test.each(['leaves', 'dies', 'is of another epoch'])('ends when the node %s (L5)', async (end) => {
      const [a, b] = await nodes(2)
      const none = await orders()
      await a.drain(b.lease)
      if (end === 'leaves') await b.leave()
      if (end === 'dies') await a.outlive()
      if (end === 'is of another epoch') {
        await bench().becomeAnother()
        await StoreNode.join(bench())
      }
      expect(await orders()).toBe(none)
    })

    test('is refused to who is fenced', async () => {
      const [a, b] = await nodes(2)
      await a.outlive()
      expect(await b.connection.drain(b.fence, a.lease)).toMatchObject({ reason: 'fenced' })
    })
  })

  describe('an order ends (L5)', () => {
    const evicted: Order = { kind: 'evict', id: 'b-0' }

    test('when its owner confirms it, and by nobody else; twice is harmless', async () => {
      const [a, b] = await sixHeld()
      const none = await orders()
      await a.order('evict', 'acme', ['b-0'])
      await a.confirm(evicted)
      await b.confirm({ ...evicted, kind: 'surplus' }, { kind: 'evict', id: 'nobody' })
      expect(await ordered(b)).toEqual(['evict b-0'])
      for (let n = 0; n < 2; n++) await b.confirm(evicted)
      expect(await orders()).toBe(none)
    })

    test('with the lease that must obey, as soon as that is declared dead', async () => {
      const [a, b] = await sixHeld()
      const none = await orders()
      await a.order('evict', 'acme', ['b-0', 'a-0'])
      await a.order('surplus', 'acme', ['b-1'], 3)
      await a.outlive()
      expect(await ordered(a)).toEqual(['evict a-0'])
      await a.confirm({ kind: 'evict', id: 'a-0' })
      expect(await orders()).toBe(none)
      expect(await b.connection.renew(b.fence)).toMatchObject({ reason: 'fenced' })
    })

    test('when the owner leaves, whether it still holds something or not', async () => {
      const [a, b] = await sixHeld()
      const none = await orders()
      await a.order('evict', 'acme', ['b-0', 'a-0'])
      await a.order('surplus', 'acme', ['b-1', 'a-1'], 2)
      await a.release(...claims(3, 'a', 'acme', LIMIT))
      await a.leave()
      await b.leave()
      expect(await orders()).toBe(none)
    })

    test('with the memory of the store', async () => {
      const [a] = await sixHeld()
      const none = await orders()
      await a.order('evict', 'acme', ['b-0'])
      await a.order('surplus', 'acme', ['b-1'], 4)
      await bench().becomeAnother()
      await StoreNode.join(bench())
      expect(await orders()).toBe(none)
    })
  })

  describe('who is ordered to close', () => {
    test('is not put back where its slot is gone, and keeps the one it has', async () => {
      const [a, b] = await sixHeld()
      await a.order('evict', 'acme', ['b-0', 'b-1'])
      await b.release(claim('b-0', 'acme', LIMIT))
      for (const mode of ['keep', 'room'] as const) {
        const told = claims(3, 'b', 'acme', LIMIT)
        expect(await b.reassert(mode, false, ...told)).toEqual(['ordered', 'ordered', 'kept'])
      }
      const { scopes } = await bench().contents()
      expect([...(scopes.get('org:acme')?.keys() ?? [])].sort()).toEqual(['a-0', 'a-1', 'a-2', 'b-1', 'b-2'])
    })

    test.each(['evict', 'surplus'] as const)('is told that it was ordered, whoever has its slot: %s', async (kind) => {
      const [a, b] = await sixHeld()
      await a.order(kind, 'acme', ['b-0'], 5)
      expect(await ordered(b)).toEqual([`${kind} b-0`])
      await b.release(claim('b-0', 'acme', LIMIT))
      await a.acquire(claim('a-3', 'acme', 6))
      expect(await b.reassert('room', false, claim('b-0', 'acme', 6))).toEqual(['ordered'])
    })

    test('whoever knows its id finds its org, while its lease lives', async () => {
      const [a, b] = await sixHeld()
      expect(await bench().store.inspector.orgOf('b-1')).toBe('acme')
      expect(await bench().store.inspector.orgOf('nobody')).toBeUndefined()
      await a.outlive()
      expect(await bench().store.inspector.orgOf('b-1')).toBeUndefined()
      expect(await b.connection.order(b.fence, { kind: 'evict', org: 'acme', limit: 0, ids: [] })).toMatchObject({
        reason: 'fenced',
      })
    })
  })
}
