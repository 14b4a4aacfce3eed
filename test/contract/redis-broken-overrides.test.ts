import { describe, expect, onTestFinished, test } from 'vitest'
import { leakGate } from '../support/leak-gate.js'
import { redisBench } from '../support/store-bench.js'
import { StoreNode } from '../support/store-node.js'

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

/** The twin cannot hold these: its records are no texts. */
describe('a record of an override that no node has written harms no other org (S5)', () => {
  test.each(BROKEN)('%j', async (record) => {
    const bench = await redisBench()
    onTestFinished(() => bench.close())
    const node = await StoreNode.join(bench)
    await node.override('acme', 5, { details: '{"note":"acme"}' })
    await node.override('acme', 7, { kind: 'tier', details: '{"tier":"big"}' })
    await node.override('globex', 6, { details: '{"note":"globex"}' })
    await bench.redis.hset(bench.keys.overrides[0], `override:${bench.keys.orgPrefix}acme`, record)
    const { records, next } = await node.learn(0)
    expect(records).toMatchObject([
      { org: 'acme', kind: 'tier', limit: 7, details: '{"tier":"big"}' },
      { org: 'globex', kind: 'override', limit: 6, details: '{"note":"globex"}' },
    ])
    expect(next).toBe(3)
    expect(await bench.store.overridesOf('acme')).toEqual({ tier: { limit: 7, details: '{"tier":"big"}' } })
    // What is in force stands elsewhere, and whoever sets it again mends the record.
    expect(await bench.store.countOrgs(['acme'])).toMatchObject([{ override: 5 }])
    await node.override('acme', 8, { details: '{}' })
    expect(await bench.store.overridesOf('acme')).toMatchObject({ override: { limit: 8 } })
  })

  test.each(BROKEN)('%j says nothing to the script either, once the number in force is found anew', async (record) => {
    const bench = await redisBench()
    onTestFinished(() => bench.close())
    const node = await StoreNode.join(bench)
    await node.override('acme', 5)
    await bench.redis.hset(bench.keys.overrides[0], `override:${bench.keys.orgPrefix}acme`, record)
    await node.override('acme', 7, { kind: 'tier' })
    expect(await bench.store.countOrgs(['acme'])).toMatchObject([{ override: 7 }])
    expect(await bench.store.overridesOf('acme')).toEqual({ tier: { limit: 7, details: '' } })
  })

  test('one of which only the version is left', async () => {
    const bench = await redisBench()
    onTestFinished(() => bench.close())
    const node = await StoreNode.join(bench)
    await node.override('acme', 5)
    await node.override('globex', 6)
    await bench.redis.hdel(bench.keys.overrides[0], `override:${bench.keys.orgPrefix}acme`)
    expect((await node.learn(0)).records).toMatchObject([{ org: 'globex', limit: 6 }])
    expect(await bench.store.overridesOf('acme')).toEqual({})
  })

  test.each([...BROKEN, null])('%j ends when it is due, and with it what is in force', async (record) => {
    const bench = await redisBench()
    onTestFinished(() => bench.close())
    const node = await StoreNode.join(bench)
    await node.override('acme', 5, { expiresInMs: 1_000 })
    await node.override('globex', 6, { expiresInMs: 2_000 })
    const field = `override:${bench.keys.orgPrefix}acme`
    if (record === null) await bench.redis.hdel(bench.keys.overrides[0], field)
    else await bench.redis.hset(bench.keys.overrides[0], field, record)
    await bench.pass(2_000)
    expect((await node.renew()).overrideVersion).toBe(4)
    expect(await bench.store.countOrgs(['acme', 'globex'])).toMatchObject([
      { override: undefined },
      { override: undefined },
    ])
    const { records } = await node.learn(2)
    expect(records.map(({ org, limit }) => [org, limit])).toEqual([
      ['acme', undefined],
      ['globex', undefined],
    ])
  })

  test('an end of what is no org', async () => {
    const bench = await redisBench()
    onTestFinished(() => bench.close())
    const node = await StoreNode.join(bench)
    await node.override('acme', 5, { expiresInMs: 1_000 })
    await bench.redis.zadd(bench.keys.overrides[2], 0, 'garbage')
    await bench.pass(1_000)
    await node.renew()
    expect(await bench.store.countOrgs(['acme'])).toMatchObject([{ override: undefined }])
  })
})
