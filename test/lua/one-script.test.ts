import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { EventBus } from '../../src/core/events.js'
import { Auditor } from '../../src/node/auditor.js'
import { HeldConnections } from '../../src/node/held/held-connections.js'
import { ReleaseQueue } from '../../src/node/queues/release-queue.js'
import type { Fence } from '../../src/store/lease-store.js'
import { SCRIPT } from '../../src/store/redis/script.generated.js'
import { RedisScript } from '../../src/store/redis/script.js'
import { leakGate } from '../support/leak-gate.js'
import { startRedis } from '../support/redis.js'
import { connectionOf, SessionMaker } from '../support/steered-node.js'
import { type RedisBench, redisBench } from '../support/store-bench.js'
import { claim, StoreNode } from '../support/store-node.js'
import { startProxy } from '../support/tcp-proxy.js'
import { until } from '../support/until.js'

leakGate()

const ROUNDS = 200
const held = (round: number) => claim(`c${round}`, 'acme', 10 * ROUNDS)

/** A Redis of one's own: flushing the scripts of the shared one would disturb others. */
async function own(): Promise<{ bench: RedisBench; node: StoreNode; port: number }> {
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  const bench = await redisBench({ url: redis.url, realTime: true })
  onTestFinished(() => bench.close())
  return { bench, node: await StoreNode.join(bench), port: redis.port }
}

function client(url: string): Redis {
  const redis = new Redis(url)
  onTestFinished(() => redis.disconnect())
  return redis
}

const slots = async (bench: RedisBench) => (await bench.contents()).scopes.get('org:acme')?.size ?? 0

/** The same acquire and release, sent without waiting between them, each by its own script object. */
function sendBoth(
  bench: RedisBench,
  redis: Redis,
  fence: Fence,
  round: number,
  acquire: RedisScript,
  release: RedisScript,
) {
  const { keys } = bench
  const { id, scopes } = held(round)
  const token = `${fence.generation}:${fence.epoch}`
  const set = keys.scope(scopes[0])
  return Promise.all([
    acquire.run(
      redis,
      [keys.admission, keys.conns(fence.lease), set],
      ['acquire', fence.lease, token, id, '["org","acme"]\n', 10 * ROUNDS],
    ),
    release.run(
      redis,
      [keys.admission, keys.meta, keys.conns(fence.lease), set],
      ['release', fence.lease, token, 1, id, 1],
    ),
  ])
}

describe('rule 7, one script for all verbs', () => {
  test('a flushed script cache cannot make a pipelined acquire overtake its release (S4)', async () => {
    const { bench, node } = await own()
    const { connection, fence } = node
    for (let round = 0; round < ROUNDS; round++) {
      await bench.redis.script('FLUSH')
      await Promise.all([connection.acquire(fence, [held(round)]), connection.release(fence, [held(round)])])
    }
    expect(await slots(bench)).toBe(0)
  })

  test('control: with a script for each verb every such slot is left over', async () => {
    const { bench, node } = await own()
    const url = bench.redis.options
    const redis = client(`redis://${url.host}:${url.port}`)
    const [acquire, release] = [new RedisScript(SCRIPT), new RedisScript(`${SCRIPT}-- another text\n`)]
    for (let round = 0; round < ROUNDS; round++) {
      await bench.redis.script('FLUSH')
      // Another node has just released something: that script is known again, the other is not.
      await bench.redis.script('LOAD', `${SCRIPT}-- another text\n`)
      await sendBoth(bench, redis, node.fence, round, acquire, release)
    }
    expect(await slots(bench)).toBe(ROUNDS)
    await bench.redis.script('FLUSH')
    await bench.redis.script('LOAD', SCRIPT)
    await sendBoth(bench, redis, node.fence, ROUNDS, acquire, acquire)
    expect(await slots(bench)).toBe(ROUNDS)
  })

  /**
   * What one script does not do alone: another node may load it again between the two. So a node never has acquire and
   * release of one id in flight together; here the release waits for the answer, and the control does not.
   */
  test.each([
    ['a release that waits for the answer of its acquire leaves nothing', true, 0],
    ['control: one that does not wait can be overtaken even so', false, 1],
  ])('%s', async (_, waits, left) => {
    const { bench, port } = await own()
    const proxy = await startProxy(port)
    onTestFinished(() => proxy.stop())
    const far = await redisBench({ url: proxy.url, realTime: true })
    onTestFinished(() => far.close())
    const node = await StoreNode.join(far)
    // What the bench's own client is told on its way in must not be taken for the answer that is held back.
    await far.redis.ping()
    await bench.redis.script('FLUSH')
    proxy.holdReplies()
    const acquired = node.connection.acquire(node.fence, [held(0)])
    const noScript = await until(() => proxy.heldReplyBytes)
    // Another node's call brings the script back before the node knows that it was gone.
    await bench.redis.script('LOAD', SCRIPT)
    if (waits) {
      proxy.releaseReplies()
      await acquired
      await node.release(held(0))
    } else {
      const released = node.connection.release(node.fence, [held(0)])
      await until(() => proxy.heldReplyBytes > noScript)
      proxy.releaseReplies()
      await Promise.all([acquired, released])
    }
    expect(await slots(far)).toBe(left)
  })

  /**
   * What the audit puts back may close meanwhile, and nobody holds its release back. The node hears of the release and
   * of the reassertion that it overtook one by one, or of both at once.
   */
  test.each([
    ['one by one', false],
    ['both at once', true],
  ])('a release that overtakes the audit is said again, heard of %s', async (_, atOnce) => {
    const { bench, port } = await own()
    const proxy = await startProxy(port)
    onTestFinished(() => proxy.stop())
    const far = await redisBench({ url: proxy.url, realTime: true })
    onTestFinished(() => far.close())
    const count = () => bench.redis.zcard(far.keys.scope({ name: 'org', id: 'acme' }))
    const session = await new SessionMaker(far.store).next()
    await far.redis.ping()
    const [events, held, releases] = [new EventBus(), new HeldConnections(), new ReleaseQueue(systemClock)]
    const repairs: unknown[] = []
    events.on('drift.repaired', (repair) => repairs.push(repair))
    releases.open(session)
    const one = connectionOf('missing', 'acme')
    one.hold()
    held.add(one)

    proxy.holdReplies()
    const auditor = new Auditor({
      clock: systemClock,
      events,
      held,
      releases,
      session: () => session,
      onPolicy: () => {},
    })
    const audit = auditor.audit(session)
    await until(() => proxy.heldReplyBytes)
    await bench.redis.script('FLUSH')
    // From here on the node knows what is missing, and not that its way to put it back is gone.
    proxy.releaseReplies()
    proxy.holdReplies()
    const noScript = await until(() => proxy.heldReplyBytes)
    await bench.redis.script('LOAD', SCRIPT)
    releases.add(one.claim)
    held.remove(one)
    releases.sendAhead()
    if (atOnce) {
      proxy.releaseReplies()
      proxy.holdReplies()
      await until(count)
    } else await until(() => proxy.heldReplyBytes > noScript)
    expect(releases.size).toBe(1)
    proxy.releaseReplies()
    await audit
    await until(() => releases.size === 0)
    expect(repairs).toEqual([{ leaked: 0, missing: 1 }])
    expect(await count()).toBe(0)
  })
})
