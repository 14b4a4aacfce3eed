import { describe, expect, test } from 'vitest'
import { Session } from '../../src/node/lease/session.js'
import type { StoreConnection } from '../../src/store/lease-store.js'
import { Memory } from '../support/override-memory.js'
import { memoryBench, type StoreBench } from '../support/store-bench.js'
import { done, recovered, StoreNode } from '../support/store-node.js'

const idle = async () => {}

const RECORD = { kind: 'override', limit: 1, expiresInMs: undefined, details: '' } as const

const aNode = (bench: StoreBench) => StoreNode.join(bench, { reasserting: true })

/** A node, and a memory of its own in its session. */
async function joined(bench: StoreBench, mostKnown?: number): Promise<{ node: StoreNode; memory: Memory }> {
  const node = await aNode(bench)
  const memory = new Memory(mostKnown)
  await memory.join(node)
  return { node, memory }
}

describe('what a node remembers of overrides (R1)', () => {
  test('is kept current, page by page, and tells of what changes after the first look', async () => {
    const bench = memoryBench()
    const node = await aNode(bench)
    for (let i = 0; i < 200; i++) await node.override(`org-${i}`, i)
    const memory = new Memory()
    await memory.join(node)
    await memory.renew(node)
    expect([memory.overrides.size, memory.told]).toEqual([200, []])
    await node.override('org-7', 70)
    await node.override('org-8', 80, { kind: 'tier' })
    await node.override('org-9', undefined)
    await memory.renew(node)
    expect(memory.told).toEqual(['override of org-7: 70', 'tier of org-8: 80', 'override of org-9: undefined'])
    expect(['org-7', 'org-8', 'org-9', 'org-x'].map((org) => memory.overrides.limitOf(org))).toEqual([
      ...[70, 8, undefined, undefined],
    ])
  })

  test('asks the store nothing while the version stands still', async () => {
    const bench = memoryBench()
    const { node, memory } = await joined(bench)
    await node.override('acme', 1)
    await memory.renew(node)
    const asked: number[] = []
    const counting = { ...node.connection, learn: (_: never, after: number) => asked.push(after) } as never
    memory.overrides.heard(new Session(counting as StoreConnection, node.fence), { overrideVersion: 1, recoveryMs: 0 })
    expect(asked).toEqual([])
  })

  test('is written back after a wipe with the time that is left, clears too', async () => {
    const bench = memoryBench({ recovery: true })
    const { node, memory } = await joined(bench)
    await node.override('acme', 1)
    await node.override('brief', 2, { expiresInMs: 60_000, details: '{"note":"why"}' })
    await node.override('gone', undefined)
    await memory.renew(node)
    memory.clock.advance(20_000)
    await bench.wipe()
    const again = await aNode(bench)
    await memory.join(again)
    expect(memory.told.at(-1)).toBe('{"written":3,"known":0,"over":0}')
    const { records } = await again.learn(0)
    expect(records).toMatchObject([
      { org: 'acme', limit: 1, expiresInMs: undefined },
      { org: 'brief', limit: 2, expiresInMs: 40_000, details: '{"note":"why"}' },
      { org: 'gone', limit: undefined },
    ])
    await memory.join(again)
    expect(memory.told.filter((line) => line.startsWith('{'))).toHaveLength(1)
  })

  test('is written back in calls that are bounded, each record once', async () => {
    const bench = memoryBench({ recovery: true })
    const { node, memory } = await joined(bench)
    for (let i = 0; i < 128; i++) await node.override(`org-${i}`, i)
    await memory.renew(node)
    await bench.wipe()
    const again = await aNode(bench)
    const sizes: number[] = []
    const counting = {
      ...again.connection,
      restore: (...said: Parameters<StoreConnection['restore']>) => {
        sizes.push(said[1].length)
        return again.connection.restore(...said)
      },
    }
    expect(await memory.overrides.restore(new Session(counting, again.fence), idle)).toBe(true)
    expect([sizes, memory.told.at(-1)]).toEqual([[64, 64], '{"written":128,"known":0,"over":0}'])
  })

  test('yields to the store once admissions have resumed, and forgets what the store does not know', async () => {
    const bench = memoryBench({ recovery: true })
    const { node, memory } = await joined(bench)
    await node.override('acme', 1)
    await memory.renew(node)
    await bench.wipe()
    const again = await aNode(bench)
    await again.reassert('keep', true)
    await recovered(bench, again)
    await again.override('other', 5)
    await memory.join(again)
    await memory.renew(again)
    expect(['acme', 'other'].map((org) => memory.overrides.limitOf(org))).toEqual([undefined, 5])
  })

  test('begins anew where clears are forgotten that it may have missed', async () => {
    const bench = memoryBench()
    const { node, memory } = await joined(bench)
    await node.override('acme', 1)
    await node.override('kept', 2)
    await memory.renew(node)
    await node.override('acme', undefined)
    for (let i = 0; i < 1_001; i++) await node.override(`org-${i}`, undefined)
    await memory.renew(node)
    expect(['acme', 'kept'].map((org) => memory.overrides.limitOf(org))).toEqual([undefined, 2])
    expect(memory.overrides.size).toBe(1_001)
  })

  test('is asked for anew, where it was asked for during the recovery and the answer comes when that is over', async () => {
    const bench = memoryBench({ recovery: true })
    const [writer, node, memory] = [await aNode(bench), await StoreNode.join(bench), new Memory()]
    const answered: (() => void)[] = []
    const slow: StoreConnection = {
      ...node.connection,
      async learn(...said) {
        const reply = await node.connection.learn(...said)
        await new Promise<void>((resolve) => answered.push(resolve))
        return reply
      },
    }
    const session = new Session(slow, node.fence)
    await memory.overrides.restore(session, idle)
    await writer.restore({ ...RECORD, org: 'newer', version: 9 })
    memory.overrides.heard(session, await node.renew())
    await writer.restore({ ...RECORD, org: 'older', version: 3 })
    await writer.reassert('keep', true)
    await recovered(bench, writer)
    memory.overrides.heard(session, await node.renew())
    for (let i = 0; i < 2; i++) {
      answered.shift()?.()
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(['newer', 'older'].map((org) => memory.overrides.limitOf(org))).toEqual([1, 1])
    expect(answered).toEqual([])
  })

  test('is asked for once where the store does not recover, also at the first renewal', async () => {
    const { node, memory } = await joined(memoryBench())
    await node.override('acme', 1)
    const asked: number[] = []
    const counting: StoreConnection = {
      ...node.connection,
      learn: (fence, after) => {
        asked.push(after)
        return node.connection.learn(fence, after)
      },
    }
    await memory.join({ connection: counting, fence: node.fence } as StoreNode)
    for (let i = 0; i < 3; i++) await memory.renew(node)
    expect(asked).toEqual([0])
  })

  test('has a bound, and says so once', async () => {
    const bench = memoryBench()
    const { node, memory } = await joined(bench, 3)
    for (let i = 0; i < 9; i++) await node.override(`org-${i}`, i)
    await memory.renew(node)
    expect([memory.overrides.size, memory.told]).toEqual([3, ['more than 3']])
  })

  test('is not written back over a session that ends, and is by the next', async () => {
    const bench = memoryBench({ recovery: true })
    const { node, memory } = await joined(bench)
    await node.override('acme', 1)
    await memory.renew(node)
    await bench.wipe()
    const again = await aNode(bench)
    const broken = done(await bench.store.connect())
    broken.destroy('cut')
    expect(await memory.overrides.restore(new Session(broken, again.fence), idle)).toBe(false)
    await memory.join(again)
    expect((await again.learn(0)).records).toMatchObject([{ org: 'acme', limit: 1 }])
  })
})

describe('what operators set by this node', () => {
  test('is told with its terms, and known here at once', async () => {
    const { memory } = await joined(memoryBench())
    await memory.set('acme', 7, { note: 'paid', onLowered: 'newest', kind: 'tier', tier: 'gold' })
    await new Promise((resolve) => setImmediate(resolve))
    const setAt = new Date(memory.clock.wallMs()).toISOString()
    const terms = { tier: 'gold', note: 'paid', onLowered: 'newest', setAt }
    expect(JSON.parse(memory.told[0]!)).toEqual({ org: 'acme', kind: 'tier', limit: 7, ...terms })
    expect([memory.overrides.limitOf('acme'), memory.overrides.onLoweredOf('acme')]).toEqual([7, 'newest'])
    expect(memory.overrides.onLoweredOf('globex')).toBeUndefined()
    await memory.set('acme', undefined, { kind: 'tier' })
    await new Promise((resolve) => setImmediate(resolve))
    expect(memory.overrides.limitOf('acme')).toBeUndefined()
  })

  test('is refused where it is no org, no limit or no terms, before the store is asked', async () => {
    const { memory, node } = await joined(memoryBench())
    await expect(memory.set('', 7)).rejects.toMatchObject({ code: 'INVALID_ORG' })
    await expect(memory.set('acme', -1)).rejects.toMatchObject({ code: 'INVALID_LIMIT' })
    await expect(memory.set('acme', 1, { forMs: 0 })).rejects.toMatchObject({ code: 'INVALID_TERMS' })
    expect([memory.told, (await node.learn(0)).records]).toEqual([[], []])
  })

  test('is not in force for all one knows where the store did not confirm it: without a session, an answer, or a yes', async () => {
    const memory = new Memory()
    await expect(memory.set('acme', 7)).rejects.toThrow('the store did not answer: no session is open')
    const bench = memoryBench()
    const cut = await aNode(bench)
    await memory.join(cut)
    cut.connection.destroy('cut off')
    await expect(memory.set('acme', 7)).rejects.toThrow('the store did not answer: cut off')
    const stale = await aNode(bench)
    await memory.join(stale)
    await stale.hello()
    await expect(memory.set('acme', 7)).rejects.toThrow('the store refused: lease stale')
    expect(memory.told).toEqual([])
  })

  test('ends by itself, which is told as that; an exception that has ended lets the tier count again', async () => {
    const bench = memoryBench()
    const { node, memory } = await joined(bench)
    await memory.set('acme', 5, { kind: 'tier', tier: 'gold' })
    await memory.set('acme', 9, { forMs: 1_000 })
    await memory.renew(node)
    expect(memory.overrides.limitOf('acme')).toBe(9)
    memory.clock.advance(999)
    expect(memory.overrides.limitOf('acme')).toBe(9)
    memory.clock.advance(1)
    expect(memory.overrides.limitOf('acme')).toBe(5)
    expect(memory.told.filter((line) => line.endsWith('ended'))).toEqual([])
    memory.told.length = 0
    await bench.pass(1_001)
    await memory.renew(node)
    await memory.renew(node)
    expect(memory.told).toEqual(['override of acme ended', 'override of acme: undefined'])
  })

  test('is more than it remembers: that is told anew once there was room again', async () => {
    const bench = memoryBench({ recovery: true })
    const { node, memory } = await joined(bench, 2)
    for (let i = 0; i < 3; i++) await node.override(`org-${i}`, i)
    await memory.renew(node)
    await bench.wipe()
    const again = await aNode(bench)
    await again.reassert('keep', true)
    await recovered(bench, again)
    await again.override('only', 1)
    await memory.join(again)
    await memory.renew(again)
    expect(memory.overrides.size).toBe(1)
    for (const org of ['another', 'third']) await again.override(org, 1)
    await memory.renew(again)
    expect(memory.told.filter((line) => line.startsWith('more'))).toEqual(['more than 2', 'more than 2'])
  })
})
