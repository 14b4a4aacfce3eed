import { describe, expect, onTestFinished, test } from 'vitest'
import { ClusterStats } from '../../src/limiter/cluster-stats.js'
import { leakGate } from '../support/leak-gate.js'
import { Memory } from '../support/override-memory.js'
import { type BenchOptions, type RedisBench, redisBench } from '../support/store-bench.js'
import { recovered, StoreNode } from '../support/store-node.js'

leakGate()

const BROKEN = [
  '',
  'garbage',
  '5',
  '5 epoch {"note":"x"}',
  '- epoch\n{}',
  '5.5 epoch\n{}',
  '5 epoch more\n{}',
  '5 e_1\n{}',
]

async function opened(options?: BenchOptions): Promise<{ bench: RedisBench; node: StoreNode }> {
  const bench = await redisBench(options)
  onTestFinished(() => bench.close())
  return { bench, node: await StoreNode.join(bench) }
}

/** `null` leaves nothing of the record but its version and its end. */
async function breakIt({ redis, keys }: RedisBench, record: string | null, kind = 'override'): Promise<void> {
  const at = [keys.overrides[0], `${kind}:${keys.orgPrefix}acme`] as const
  await (record === null ? redis.hdel(...at) : redis.hset(...at, record))
}

/** The twin cannot hold these: its records are no texts. */
describe('a record of an override that no node has written harms no other org (S5)', () => {
  test.each([...BROKEN, null])('%j', async (record) => {
    const { bench, node } = await opened()
    await node.override('acme', 5, { details: '{"note":"acme"}' })
    await node.override('acme', 7, { kind: 'tier', details: '{"tier":"big"}' })
    await node.override('globex', 6, { details: '{"note":"globex"}' })
    await breakIt(bench, record)
    const { records, unreadable, next } = await node.learn(0)
    expect(records).toMatchObject([
      { org: 'acme', kind: 'tier', limit: 7, details: '{"tier":"big"}' },
      { org: 'globex', kind: 'override', limit: 6, details: '{"note":"globex"}' },
    ])
    expect([unreadable, next]).toEqual([[{ org: 'acme', kind: 'override' }], 3])
    expect(await bench.store.inspector.overridesOf('acme')).toEqual({ tier: { limit: 7, details: '{"tier":"big"}' } })
    // What is in force stands elsewhere, and whoever sets it again mends the record.
    expect(await bench.store.inspector.countOrgs(['acme'])).toMatchObject([{ override: 5 }])
    const stats = new ClusterStats(bench.store.inspector, { connectionsPerOrg: 9, tierOf: () => undefined })
    expect(await stats.limits('acme')).toMatchObject({ maxAllowed: 5, limitFrom: 'override', override: { limit: 5 } })
    await node.override('acme', 8, { details: '{}' })
    expect(await bench.store.inspector.overridesOf('acme')).toMatchObject({ override: { limit: 8 } })
  })

  test.each(BROKEN)('%j says nothing to the script either, once the number in force is found anew', async (record) => {
    const { bench, node } = await opened()
    await node.override('acme', 5)
    await breakIt(bench, record)
    await node.override('acme', 7, { kind: 'tier' })
    expect(await bench.store.inspector.countOrgs(['acme'])).toMatchObject([{ override: 7 }])
    expect(await bench.store.inspector.overridesOf('acme')).toEqual({ tier: { limit: 7, details: '' } })
    await breakIt(bench, record, 'tier')
    await node.override('acme', undefined)
    expect(await bench.store.inspector.countOrgs(['acme'])).toMatchObject([{ override: undefined }])
  })

  test.each([...BROKEN, null])('%j ends when it is due, and with it what is in force', async (record) => {
    const { bench, node } = await opened()
    await node.override('acme', 5, { expiresInMs: 1_000 })
    await node.override('globex', 6, { expiresInMs: 2_000 })
    await breakIt(bench, record)
    await bench.pass(2_000)
    expect((await node.renew()).overrideVersion).toBe(4)
    const inForce = await bench.store.inspector.countOrgs(['acme', 'globex'])
    expect(inForce.map(({ override }) => override)).toEqual([undefined, undefined])
    const { records } = await node.learn(2)
    expect(records.map(({ org, limit }) => [org, limit])).toEqual([
      ['acme', undefined],
      ['globex', undefined],
    ])
  })

  test('an end of what is no org', async () => {
    const { bench, node } = await opened()
    await node.override('acme', 5, { expiresInMs: 1_000 })
    await bench.redis.zadd(bench.keys.overrides[2], 0, 'garbage')
    await bench.pass(1_000)
    await node.renew()
    expect(await bench.store.inspector.countOrgs(['acme'])).toMatchObject([{ override: undefined }])
  })
})

describe('what nodes know of an override outlives its record (R1)', () => {
  test.each([...BROKEN, null])('%j takes nothing from them, and the next loss is mended from there', async (record) => {
    const { bench, node } = await opened({ recovery: true })
    const memory = new Memory()
    await memory.join(node)
    await node.override('acme', 0, { expiresInMs: 60_000, details: '{"note":"acme"}' })
    await memory.renew(node)
    await breakIt(bench, record)
    // When the recovery is over, a node asks for everything once more, and forgets what it does not meet.
    await recovered(bench, node)
    await memory.renew(node)
    expect([memory.overrides.size, memory.overrides.limitOf('acme')]).toEqual([1, 0])
    await bench.wipe()
    const again = await StoreNode.join(bench, { reasserting: true })
    await memory.join(again)
    expect(memory.told.at(-1)).toBe('{"written":1,"known":0,"over":0}')
    expect(await bench.store.inspector.countOrgs(['acme'])).toMatchObject([{ override: 0 }])
  })

  test.each([...BROKEN, '5 this\n{}'])('%j is written anew where the version is what a node knows', async (text) => {
    const { bench, node } = await opened({ recovery: true })
    await recovered(bench, node)
    await node.override('other', 1)
    await node.override('acme', 5, { details: '{"note":"acme"}' })
    await bench.becomeAnother()
    const again = await StoreNode.join(bench, { reasserting: true })
    // It looks as if somebody had set it in this life of the store, but for what is broken.
    const isSound = text.includes(' this\n')
    await breakIt(bench, text.replace(/ (epoch|this)/, ` ${again.fence.epoch}`))
    const known = {
      org: 'acme',
      kind: 'override',
      limit: 5,
      expiresInMs: undefined,
      details: '{"note":"acme"}',
    } as const
    expect(await again.restore({ ...known, limit: 7, version: 1 })).toEqual(['known'])
    expect(await again.restore({ ...known, version: 2 })).toEqual([isSound ? 'known' : 'written'])
    const details = isSound ? '{}' : known.details
    expect(await bench.store.inspector.overridesOf('acme')).toEqual({ override: { limit: 5, details } })
    expect((await again.learn(0)).records.at(-1)).toMatchObject({ org: 'acme', version: isSound ? 3 : 2 })
  })
})
