import { describe, expect, onTestFinished, test } from 'vitest'
import { StoreUnavailable } from '../../src/store/lease-store.js'
import { SCRIPT } from '../../src/store/script.generated.js'
import { leakGate } from '../support/leak-gate.js'
import { type RedisBench, redisBench } from '../support/store-bench.js'
import { claims, StoreNode } from '../support/store-node.js'

leakGate()

async function opened(options?: Parameters<typeof redisBench>[0]): Promise<RedisBench> {
  const bench = await redisBench(options)
  onTestFinished(() => bench.close())
  return bench
}

/** The twin cannot hold these: its leases are numbers. */
describe('a member among the leases that is none hides none of the others from operators (S5)', () => {
  test.each(['', 'foreign', '-1', '0x10', 'nan', 'inf', '1e3', '1.5', ' 7'])('%j', async (foreign) => {
    const bench = await opened()
    const node = await StoreNode.join(bench)
    await node.acquire(...claims(2, 'c', 'acme', 9))
    // One stands before the others and one behind them.
    await bench.redis.zadd(bench.keys.leases, 0, foreign, 1e15, `${foreign}~`)
    expect(await bench.store.nodes()).toMatchObject([{ lease: node.lease, connections: 2 }])
    expect((await bench.store.holders('acme', 9)).map(({ id }) => id).sort()).toEqual(['c-0', 'c-1'])
    expect(await bench.store.orgOf('c-0')).toBe('acme')
  })
})

describe('what is answered and cannot be read is told as no answer', () => {
  test.each(["'text'", "{'x'}", '{{}, {}, {}}'])('%s', async (reply) => {
    const { store } = await opened({ script: `if ARGV[1] == 'inspect' then return ${reply} end\n${SCRIPT}` })
    await expect(store.nodes()).rejects.toThrow(StoreUnavailable)
    await expect(store.holders('acme', 9)).rejects.toThrow(StoreUnavailable)
    await expect(store.countOrgs(['acme'])).rejects.toThrow(StoreUnavailable)
  })
})
