import { describe, expect, onTestFinished, test } from 'vitest'
import { leakGate } from '../support/leak-gate.js'
import { startRedis } from '../support/redis.js'
import { type RedisBench, redisBench } from '../support/store-bench.js'
import { MUTANTS } from '../support/store-mutants.js'
import { claim, claims, StoreNode } from '../support/store-node.js'

leakGate()

/** A Redis of one's own, so that its memory can run out. */
async function ownBench(script?: string): Promise<RedisBench> {
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  const bench = await redisBench({ url: redis.url, ...(script === undefined ? {} : { script }) })
  onTestFinished(() => bench.close())
  return bench
}

/** From here on Redis refuses every command that may grow its memory. */
async function fill(bench: RedisBench): Promise<void> {
  await bench.redis.config('SET', 'maxmemory', '1')
  await expect(bench.redis.set('more', '1')).rejects.toThrow('OOM')
}

describe('rule 6, at the memory limit of Redis', () => {
  test('an acquire is refused for memory and leaves nothing; a repeated one is still admitted (S2, S4)', async () => {
    const bench = await ownBench()
    const node = await StoreNode.join(bench)
    const held = claim('held', 'acme', 9)
    await node.acquire(held)
    await fill(bench)
    expect(await node.acquire(claim('a', 'acme', 9), held, claim('b', 'acme', 0))).toEqual([
      { admitted: false, reason: 'memory' },
      { admitted: true, count: 1, limit: 9 },
      { admitted: false, reason: 'full', scope: 0, count: 1, limit: 0 },
    ])
    const { scopes, indexes } = await bench.contents()
    expect([...scopes.values(), ...indexes.values()].map((table) => [...table.keys()])).toEqual([['held'], ['held']])
  })

  test('a takeover that only hands a slot on is admitted, and one that finds none to take is refused (L2)', async () => {
    const bench = await ownBench()
    const node = await StoreNode.join(bench)
    await node.acquire(claim('old', 'acme', 9))
    await fill(bench)
    const asked = [[claim('x', 'acme', 9), 'nobody'] as const, [claim('new', 'acme', 9), 'old'] as const]
    expect(await node.takeOver(...asked)).toEqual([
      { admitted: false, reason: 'memory' },
      { admitted: true, count: 1, limit: 9, tookOver: true },
    ])
    expect([...((await bench.contents()).scopes.get('org:acme')?.keys() ?? [])]).toEqual(['new'])
  })

  test('everything else works: nobody loses a lease or a slot for it, and room is made (S3, L2)', async () => {
    const bench = await ownBench()
    const [node, gone] = [await StoreNode.join(bench), await StoreNode.join(bench)]
    await node.acquire(...claims(3, 'mine', 'acme', 9))
    await gone.acquire(...claims(3, 'gone', 'acme', 9))
    await fill(bench)
    await node.release(claim('mine-0', 'acme', 9))
    expect(await node.hello()).toMatchObject({ status: 'ok' })
    const late = await StoreNode.join(bench)
    expect(await late.reassert('keep', true, claim('kept', 'acme', 9))).toEqual(['kept'])
    await late.override('acme', 4)
    expect((await node.renew()).liveNodes).toBe(3)
    await late.leave()
    expect(await bench.store.inspector.countOrgs(['acme'])).toEqual([{ org: 'acme', count: 5, override: 4 }])
  })

  test('the dead are declared and swept, and then there is room again (L2)', async () => {
    const bench = await ownBench()
    const [node, gone] = [await StoreNode.join(bench), await StoreNode.join(bench)]
    await gone.acquire(...claims(3, 'gone', 'acme', 3))
    // TIME is held by a list that the test writes; it may grow, the store's memory may not.
    const beat = async () => {
      await bench.redis.config('SET', 'maxmemory', '0')
      await bench.pass(3_000)
      await fill(bench)
      return node.renew()
    }
    let reply = await beat()
    for (let beats = 1; beats < 6; beats++) reply = await beat()
    expect(reply.dead).toEqual([gone.lease])
    await node.sweepAll(gone.lease)
    expect((await bench.contents()).scopes.size).toBe(0)
  })

  test('control: without the shrinking write that comes first, even a renewal is refused', async () => {
    const bench = await ownBench(MUTANTS.noShrinkingWrite.script)
    const node = await StoreNode.join(bench)
    await fill(bench)
    expect(await node.connection.renew(node.fence)).toMatchObject({ status: 'unanswered' })
  })

  test('control: without the pcall, one claim without memory fails the whole call', async () => {
    const bench = await ownBench(MUTANTS.memoryUnchecked.script)
    const node = await StoreNode.join(bench)
    await fill(bench)
    const reply = await node.connection.acquire(node.fence, [claim('a', 'acme', 9)])
    expect(reply).toMatchObject({ status: 'unanswered' })
  })
})
