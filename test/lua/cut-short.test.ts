import { describe, expect, onTestFinished, test } from 'vitest'
import { SCRIPT } from '../../src/store/redis/script.generated.js'
import { leakGate } from '../support/leak-gate.js'
import { redisBench } from '../support/store-bench.js'
import { MUTANTS } from '../support/store-mutants.js'
import { claim, done, StoreNode } from '../support/store-node.js'

leakGate()

/** Fails every `verb` after so many writes, as a server that runs into a limit or a bug in the middle would. */
function cutAfter(script: string, verb: string, writes: number): string {
  return `local left = ${writes}
local real = redis
local WRITES = { HSET = true, HDEL = true, ZADD = true, ZREM = true }
local function cut(command)
  if ARGV[1] == '${verb}' and WRITES[command] then
    left = left - 1
    if left < 0 then
      error('cut short')
    end
  end
end
local redis = {
  call = function(command, ...) cut(command) return real.call(command, ...) end,
  pcall = function(command, ...) cut(command) return real.pcall(command, ...) end,
  error_reply = real.error_reply,
}
${script}`
}

const held = claim('a', 'acme', 1, { name: 'gateway', id: 'g', limit: 1 })

/** What is left in the sets when a verb was cut short, its node died, and others swept its lease. */
async function leftAfter(script: string, verb: 'acquire' | 'release', writes: number): Promise<number> {
  const bench = await redisBench({ script: cutAfter(script, verb, writes) })
  onTestFinished(() => bench.close())
  const [gone, node] = [await StoreNode.join(bench), await StoreNode.join(bench)]
  const { connection, fence } = gone
  const acquired = await connection.acquire(fence, [held])
  if (verb === 'acquire') expect(acquired.status).toBe('unanswered')
  else expect(await connection.release(fence, [held])).toMatchObject({ status: 'unanswered' })
  await node.outlive()
  await node.sweepAll(gone.lease)
  const { scopes, indexes } = await bench.contents()
  expect(indexes.size).toBe(0)
  return scopes.size
}

/** Two scopes make three writes: the index entry and two members. The third cut comes after the second write. */
describe('rule 3, the index outlasts what it names: a call cut short leaves nothing that nobody sweeps (L5)', () => {
  test.each([0, 1, 2])('acquire, cut after %d writes', async (writes) => {
    expect(await leftAfter(SCRIPT, 'acquire', writes)).toBe(0)
  })

  test.each([0, 1, 2])('release, cut after %d writes', async (writes) => {
    expect(await leftAfter(SCRIPT, 'release', writes)).toBe(0)
  })

  test('control: an acquire that writes the index last leaves a member for ever', async () => {
    expect(await leftAfter(MUTANTS.indexLast.script, 'acquire', 1)).toBeGreaterThan(0)
  })

  test('control: a release that removes the index first leaves a member for ever', async () => {
    expect(await leftAfter(MUTANTS.indexRemovedFirst.script, 'release', 1)).toBeGreaterThan(0)
  })
})

/** As `cutAfter`, for as long as a key beside `meta` says so. */
const cutWhileTold = (verb: string, writes: number) =>
  cutAfter(SCRIPT, verb, writes)
    .replace('local WRITES = { ', 'local WRITES = { SADD = true, ')
    .replace(
      'local function cut(command)',
      "local told = redis.call('EXISTS', KEYS[2] .. ':cut') == 1\nlocal function cut(command)",
    )
    .replace('if ARGV[1] ==', 'if told and ARGV[1] ==')

const WRITES_OF_RENEW = Array.from({ length: 10 }, (_, writes) => writes)

/** So it is where the nodes' user lacks a right that is needed first when a node dies, SADD, and is given it then. */
describe('L2: a lease whose death was cut short is declared dead by the next that renews', () => {
  /** One of three nodes has died, and the renewal that was to say so was cut. */
  async function dying(writes: number) {
    const bench = await redisBench({ script: cutWhileTold('renew', writes) })
    onTestFinished(() => bench.close())
    const [gone, node, other] = [await StoreNode.join(bench), await StoreNode.join(bench), await StoreNode.join(bench)]
    expect(await gone.admitted(held)).toBe(1)
    const [lives, dies] = [bench.timing.ttlMs - bench.timing.renewIntervalMs, bench.timing.renewIntervalMs]
    for (let passedMs = 0; passedMs < lives; passedMs += dies) {
      await bench.pass(dies)
      await Promise.all([node.renew(), other.renew()])
    }
    await bench.redis.set(`${bench.keys.meta}:cut`, 1)
    await bench.pass(2 * dies)
    await node.connection.renew(node.fence)
    await bench.redis.del(`${bench.keys.meta}:cut`)
    return { bench, gone, other }
  }

  test.each(WRITES_OF_RENEW)('renew, cut after %d writes', async (writes) => {
    const { bench, gone, other } = await dying(writes)
    await other.outlive()
    await other.sweepAll(gone.lease)
    const { scopes, indexes, leases, live } = await bench.contents()
    expect([scopes.size, indexes.size]).toEqual([0, 0])
    expect([...leases.keys(), ...live.keys()]).not.toContain(gone.lease)
  })

  test.each(WRITES_OF_RENEW)('S3: and none is opened again, after %d writes', async (writes) => {
    const { bench, gone } = await dying(writes)
    const wasLive = (await bench.contents()).live.has(gone.lease)
    const late = done(await bench.store.connect())
    const said = { lease: gone.lease, generation: 9, proposedEpoch: 'e', proposedSecret: 's', nodeInfo: '{}' }
    expect((await late.hello({ ...said, reasserting: false })).status).toBe(wasLive ? 'ok' : 'refused')
  })

  test.each([0, 1, 2, 3, 4])('leave with a connection, cut after %d writes', async (writes) => {
    const bench = await redisBench({ script: cutWhileTold('leave', writes) })
    onTestFinished(() => bench.close())
    const [gone, other] = [await StoreNode.join(bench), await StoreNode.join(bench)]
    expect(await gone.admitted(held)).toBe(1)
    await bench.redis.set(`${bench.keys.meta}:cut`, 1)
    await gone.connection.leave(gone.fence)
    await bench.redis.del(`${bench.keys.meta}:cut`)
    await other.outlive()
    await other.sweepAll(gone.lease)
    const { scopes, indexes } = await bench.contents()
    expect([scopes.size, indexes.size]).toEqual([0, 0])
  })
})

test('what Redis does not let release remove has not been released (L1)', async () => {
  const refusing = SCRIPT.replace("redis.pcall('ZREM', KEYS[s], id)", "{ err = 'NOPERM no permission to run zrem' }")
  expect(refusing).not.toBe(SCRIPT)
  const bench = await redisBench({ script: refusing })
  onTestFinished(() => bench.close())
  const node = await StoreNode.join(bench)
  const own = claim(`${node.lease.toString(36)}-0`, 'acme', 1)
  expect(await node.admitted(own)).toBe(1)
  expect(await node.connection.release(node.fence, [own])).toMatchObject({ status: 'unanswered' })
})
