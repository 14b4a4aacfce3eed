import { beforeEach, describe, expect, test } from 'vitest'
import type { HeldConnection } from '../../src/node/held/held-connection.js'
import { type ReassertMode, reassertAll } from '../../src/node/lease/reassert.js'
import type { Session } from '../../src/node/lease/session.js'
import type { Claim } from '../../src/store/lease-store.js'
import { ManualClock } from '../support/manual-clock.js'
import { connectionOf, SessionMaker, steeredStore, turns } from '../support/steered-node.js'
import type { SteeredStore } from '../support/steered-store.js'

let store: SteeredStore
let session: Session

beforeEach(async () => {
  store = steeredStore(new ManualClock())
  session = await new SessionMaker(store).next()
})

const tables = () => store.inner.tables

describe('telling the store of what is open', () => {
  const held = (count: number) =>
    Array.from({ length: count }, (_, i) => {
      const connection = connectionOf(`c-${i}`, 'acme', 1_000, i)
      connection.holdAsDebt()
      return connection
    })
  const tell = (all: HeldConnection[], mode: ReassertMode = 'room', lastMs = 0) =>
    reassertAll(session, all, { mode, recovery: { lastMs }, onTelling() {} }, async () => {})

  test.each([
    [0, [0]],
    [64, [64]],
    [65, [64, 1]],
    [128, [64, 64]],
  ])('%d connections go in pages, and the last page alone says that it is the last', async (count, pages) => {
    const told: [number, boolean][] = []
    store.holdUp('reassert')
    const asked = tell(held(count))
    await turns()
    while (store.calls.length > 0) {
      const [, claims, { final }] = store.calls[0]!.said as [unknown, Claim[], { final: boolean }]
      told.push([claims.length, final])
      await store.calls[0]!.answer()
      await turns()
    }
    expect(told).toEqual(pages.map((size, i) => [size, i === pages.length - 1]))
    expect(await asked).toEqual({ kept: count, closed: 0 })
  })

  describe('of what comes to be closed meanwhile', () => {
    /** The last three of 68 are given up while the first 64 are told. */
    async function told(recovers: boolean) {
      store.holdUp('reassert')
      const all = held(68)
      const asked = tell(all, 'keep', recovers ? 1 : 0)
      await turns()
      for (const connection of all.slice(65)) connection.lose('STORE_AWAY')
      const calls: [string[], string, boolean][] = []
      while (store.calls.length > 0) {
        const [, claims, { mode, final }] = store.calls[0]!.said as [unknown, Claim[], { mode: string; final: boolean }]
        calls.push([claims.map(({ id }) => id), mode, final])
        await store.calls[0]!.answer()
        await turns()
      }
      const first = all.slice(0, 64).map(({ id }) => id)
      expect(calls.shift()).toEqual([first, 'keep', false])
      return { calls, result: await asked, states: all.slice(64).map(({ state }) => state) }
    }

    test('it comes last, and counts where there is room', async () => {
      expect(await told(false)).toEqual({
        calls: [
          [['c-64'], 'keep', false],
          [['c-65', 'c-66', 'c-67'], 'room', true],
        ],
        result: { kept: 68, closed: 0 },
        states: ['held', 'held', 'held', 'held'],
      })
    })

    test('a store that recovers is told of the others alone', async () => {
      expect(await told(true)).toEqual({
        calls: [[['c-64'], 'keep', true]],
        result: { kept: 65, closed: 0 },
        states: ['held', 'slotless', 'slotless', 'slotless'],
      })
    })

    test('that this was all it is told all the same', async () => {
      const [one] = held(1) as [HeldConnection]
      one.lose('STORE_AWAY')
      store.holdUp('reassert')
      const asked = tell([one], 'keep', 1)
      await turns()
      expect(store.calls[0]!.said.slice(1)).toEqual([[], { mode: 'keep', final: true }])
      await store.calls[0]!.answer()
      expect([await asked, one.untold, one.state]).toEqual([{ kept: 0, closed: 0 }, true, 'slotless'])
    })
  })

  test('who has no slot any more is told why, and nobody stays a debt', async () => {
    const [kept, taken, conflict] = held(3) as [HeldConnection, HeldConnection, HeldConnection]
    tables().taken.set(`${taken.id} org:acme`, 0)
    tables().live.set(99, { generation: 1, reasserting: false, expiresMs: 1e15 })
    tables().add('org:acme', conflict.id, 99)
    expect(await tell([kept, taken, conflict])).toEqual({ kept: 1, closed: 2 })
    expect([kept, taken, conflict].map(({ lost }) => lost.reason)).toEqual([undefined, 'TAKEN_OVER', 'LEASE_LOST'])
    expect([kept, taken, conflict].map(({ debt, state }) => [debt, state])).toEqual([
      ...[[false, 'held'], ...Array(2).fill([false, 'slotless'])],
    ])
  })
})
