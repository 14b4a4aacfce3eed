import { describe, expect, test } from 'vitest'
import type { Admitted } from '../../src/core/admission.js'
import { HeldConnections } from '../../src/node/held/held-connections.js'
import type { LimiterNode } from '../../src/node/limiter-node.js'
import { SHORT } from '../support/cluster.js'
import { nodeStage } from '../support/node-stage.js'
import { connectionOf, declareDead, passTime, SessionMaker, takeSlots, turns } from '../support/steered-node.js'

const { renewIntervalMs: R, trustMs: D, callTimeoutMs: C } = SHORT

const stage = nodeStage({ events: ['lease.lapsed'] })
const pass = (ms: number) => passTime(stage.clock, ms, 5)

/** A node that closes what is open at D, and a connection that it has let in. */
async function holding(): Promise<{ node: LimiterNode; open: Admitted }> {
  const node = await stage.start({ policies: { onLeaseLost: 'close' } })
  const asked = node.admit({ org: 'acme' })
  await turns()
  const open = await asked
  expect(open).toMatchObject({ admitted: true })
  return { node, open: open as Admitted }
}

describe('R1, R5: a store that lost its memory, under `close`', () => {
  /** The store has answered the hello, and is about to be told; so much is left of D. */
  async function untold(): Promise<{ node: LimiterNode; open: Admitted; leftMs: number }> {
    const { node, open } = await holding()
    let renewedMs = stage.clock.monotonicMs()
    node.events.on('lease.renewed', () => {
      renewedMs = stage.clock.monotonicMs()
    })
    await pass(R)
    stage.store.holdUp('reassert')
    stage.store.inner.tables.wipe()
    await pass(R + C / 2)
    expect(stage.store.calls.map(({ verb }) => verb)).toEqual(['reassert'])
    return { node, open, leftMs: renewedMs + D - stage.clock.monotonicMs() }
  }

  test('closes nobody of whom it is told before D is over', async () => {
    const { open } = await holding()
    stage.store.inner.tables.wipe()
    await pass(3 * D)
    expect(open.closing).toBeUndefined()
    expect(open.mayCarryFrames!()).toBe(true)
    expect(stage.store.inner.tables.scope('org:acme').has(open.connectionId)).toBe(true)
  })

  test('vouches for nobody with its hello: who it was not told of by the end of D may be counted by nobody', async () => {
    const { node, open, leftMs } = await untold()
    for (const call of [...stage.store.calls]) call.giveUp()
    await pass(leftMs - 20)
    expect(open.closing).toBeUndefined()
    expect(open.mayCarryFrames!()).toBe(true)
    await pass(40)
    expect(node.storeReachable).toBe(true)
    expect(open.closing).toBe('STORE_AWAY')
    expect(open.mayCarryFrames!()).toBe(false)
  })

  test('carries nothing of whom it was told too late, however long that takes to close, and vouches for others', async () => {
    const { node, open } = await holding()
    await pass(R / 2)
    stage.store.inner.tables.wipe()
    stage.clock.setWall(stage.clock.wallMs() + 10 * D)
    await pass(R)
    expect(open.closing).toBe('STORE_AWAY')
    const asked = node.admit({ org: 'acme' })
    await turns()
    expect(((await asked) as Admitted).mayCarryFrames!()).toBe(true)
    expect(open.mayCarryFrames!()).toBe(false)
  })

  test('control: one that has forgotten nothing vouches for all that it has kept, whatever the clock says', async () => {
    const { open } = await holding()
    await pass(R / 2)
    stage.clock.setWall(stage.clock.wallMs() + D)
    await pass(2 * R)
    expect(open.closing).toBeUndefined()
    expect(open.mayCarryFrames!()).toBe(true)
  })

  test('and has admitted others by the time that this machine wakes up: nobody is kept then, though no timer was due', async () => {
    const { node, open } = await holding()
    await pass(R / 2)
    stage.store.inner.tables.wipe()
    // The monotonic clock stands still while a machine sleeps, and with it all timers.
    stage.clock.setWall(stage.clock.wallMs() + 10 * D)
    await pass(R)
    expect(stage.store.inner.tables.scope('org:acme').has(open.connectionId), 'control: the store was told').toBe(true)
    expect(open.closing).toBe('STORE_AWAY')
    const asked = node.admit({ org: 'acme' })
    await turns()
    expect(await asked, 'and whoever comes is admitted').toMatchObject({ admitted: true })
  })

  test('where there is no room for who slept through D the store is not told: it would be a surplus, and others might go', async () => {
    const { open } = await holding()
    await pass(R / 2)
    stage.store.inner.tables.wipe()
    const other = await new SessionMaker(stage.store.inner).next()
    const held = new HeldConnections()
    const others = Array.from({ length: 5 }, (_, i) => connectionOf(`c-${i}`, 'acme', 5))
    await takeSlots(other, held, others)
    stage.clock.setWall(stage.clock.wallMs() + 10 * D)
    await pass(R)
    expect(open.closing).toBe('STORE_AWAY')
    expect([...stage.store.inner.tables.scope('org:acme').keys()]).toEqual(held.held().map(({ id }) => id))
  })

  test('nor is it told of whom D has ended for between the loss and the hello that was answered, though no timer was due', async () => {
    const { open } = await holding()
    await pass(R / 2)
    stage.store.holdUp('hello')
    stage.store.inner.tables.wipe()
    await pass(R)
    expect(stage.store.calls.map(({ verb }) => verb)).toEqual(['hello'])
    expect(open.closing, 'control: it has heard of the loss in time').toBeUndefined()
    const other = await new SessionMaker(stage.store.inner).next()
    const held = new HeldConnections()
    await takeSlots(
      other,
      held,
      Array.from({ length: 5 }, (_, i) => connectionOf(`c-${i}`, 'acme', 5)),
    )
    stage.clock.setWall(stage.clock.wallMs() + 10 * D)
    // It knows nothing of the lease, and gives another.
    for (const _ of [1, 2]) {
      await stage.store.calls[0]!.answer()
      await turns()
    }
    expect(open.closing).toBe('STORE_AWAY')
    expect([...stage.store.inner.tables.scope('org:acme').keys()]).toEqual(held.held().map(({ id }) => id))
  })

  test('nor of whom D ends for while it is told of others', async () => {
    const { node } = await holding()
    const asked = Array.from({ length: 64 }, (_, i) => node.admit({ org: `org-${i}` }))
    await turns()
    expect((await Promise.all(asked)).every(({ admitted }) => admitted)).toBe(true)
    await pass(R / 2)
    stage.store.holdUp('reassert')
    stage.store.inner.tables.wipe()
    await pass(R)
    stage.clock.setWall(stage.clock.wallMs() + 10 * D)
    const modes: unknown[] = []
    for (let page = 0; page < 2; page++) {
      const { said, answer } = stage.store.calls[0]!
      modes.push(said[2])
      await answer()
      await turns()
    }
    expect(modes).toEqual([
      { mode: 'keep', final: false },
      { mode: 'room', final: true },
    ])
  })

  test('hears of them late: an answer that this process reads after the end of D says nothing of when the store heard', async () => {
    const { open, leftMs } = await untold()
    stage.clock.freeze(leftMs)
    await stage.store.calls[0]!.answer()
    await turns()
    expect(open.closing).toBe('STORE_AWAY')
  })
})

test('S7: what a stop is to close carries nothing again either, once its lease was declared dead', async () => {
  const { node, open } = await holding()
  void node.drain({ withinMs: 10 * D })
  expect([open.closing, open.mayCarryFrames!()]).toEqual(['DRAINING', true])
  declareDead(stage.store, [...stage.store.inner.tables.live.keys()][0]!)
  await pass(2 * R)
  expect(node.storeReachable).toBe(true)
  expect([open.closing, open.mayCarryFrames!()]).toEqual(['DRAINING', false])
  open.release()
})

test('R5: what is still open when a node gives up its lease carries nothing any more: its slot may be given to others', async () => {
  const { node, open } = await holding()
  stage.store.holdUp('leave')
  const drained = node.drain({ withinMs: 0 })
  await pass(5)
  expect(stage.store.calls.map(({ verb }) => verb)).toEqual(['leave'])
  expect(open.mayCarryFrames!(), 'before the store hears of it').toBe(false)
  await stage.store.calls[0]!.answer()
  await drained
  expect(stage.store.inner.tables.live.size).toBe(0)
  expect(open.mayCarryFrames!()).toBe(false)
})

test.each(['renew', 'hello'] as const)(
  'L4: a node that has given up its lease speaks of no lapse, though a %s was answered while it did',
  async (verb) => {
    const { node } = await holding()
    stage.store.holdUp('renew', 'leave')
    await pass(R)
    if (verb === 'hello') {
      stage.store.holdUp('hello')
      stage.store.calls[0]!.giveUp()
      await turns()
    }
    const drained = node.drain({ withinMs: 0 })
    await pass(5)
    await stage.store.calls.find((call) => call.verb === verb)!.answer()
    await turns()
    await stage.store.calls.find((call) => call.verb === 'leave')!.answer()
    await drained
    await pass(2 * D)
    expect(stage.told).toEqual([])
  },
)
