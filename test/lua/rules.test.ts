import { describe, expect, onTestFinished, test } from 'vitest'
import { SCRIPT } from '../../src/store/redis/script.generated.js'
import { leakGate } from '../support/leak-gate.js'
import { type RedisBench, redisBench } from '../support/store-bench.js'
import { MUTANTS, type Mutant } from '../support/store-mutants.js'
import { claim, claims, done, StoreNode } from '../support/store-node.js'

leakGate()

/** A short history that ends in a promise. It throws, and names the promise, where that is broken. */
type History = (bench: RedisBench) => Promise<void>

async function run(history: History, script?: string): Promise<void> {
  const bench = await redisBench(script === undefined ? {} : { script })
  onTestFinished(() => bench.close())
  await history(bench)
}

/** The history keeps its promise with the script as it is, and breaks it without the rule. */
function needs({ rule, without, script }: Mutant, promise: string, history: History): void {
  test(`${rule}: ${without} (${promise})`, async () => {
    await run(history)
    await expect(run(history, script)).rejects.toThrow(promise)
  })
}

const firstHello = () => ({
  ...{ lease: 7, generation: 1, proposedEpoch: 'e', proposedSecret: 's', reasserting: false, nodeInfo: '{}' },
})

const members = async (bench: RedisBench, org: string) => [
  ...((await bench.contents()).scopes.get(`org:${org}`)?.keys() ?? []),
]

const join = (bench: RedisBench) => StoreNode.join(bench)

describe('rule 1, fence first', () => {
  const lateAcquire: History = async (bench) => {
    const [gone, node] = [await join(bench), await join(bench)]
    await node.outlive()
    await gone.connection.acquire(gone.fence, [claim('late', 'acme', 1)])
    expect(await members(bench, 'acme'), 'S3: a dead lease took a slot').toEqual([])
  }
  needs(MUTANTS.noFence, 'S3', lateAcquire)

  /** What began the epoch comes once more after the store has lost it: the node of before must hear so. */
  const repeatedHello =
    (lose: (bench: RedisBench) => Promise<unknown>, past: { lastEpoch?: string } = {}): History =>
    async (bench) => {
      const connection = done(await bench.store.connect())
      const hello = { ...firstHello(), ...past }
      done(await connection.hello(hello))
      const node = await join(bench)
      await lose(bench)
      await connection.hello(hello)
      expect(await node.hello(), 'R1: a node was not told of the loss').toEqual({ status: 'refused', reason: 'lost' })
    }
  needs(
    MUTANTS.oldEpoch,
    'R1',
    repeatedHello((bench) => bench.becomeAnother()),
  )
  const wipe = async (bench: RedisBench) => {
    await bench.wipe()
    await bench.pass(1)
  }
  needs(MUTANTS.undatedEpoch, 'R1', repeatedHello(wipe))
  // The clock of the store that its node comes from is ahead of this one.
  needs(MUTANTS.timelessEpoch, 'R1', repeatedHello(wipe, { lastEpoch: `elsewheret${Date.UTC(2040, 0, 1)}` }))

  needs(MUTANTS.forgottenClock, 'R1', async (bench) => {
    const [node, other] = [await join(bench), await join(bench)]
    await bench.redis.del(bench.keys.meta)
    await node.connection.renew(node.fence)
    const stays = await other.connection.renew(other.fence)
    expect(stays, 'R1: a store without its clock goes on').toMatchObject({ reason: 'lost' })
  })

  const passedBy =
    (laterMs: number): History =>
    async (bench) => {
      const node = await join(bench)
      const epoch = `elsewheret${Number(/\d+$/.exec(node.fence.epoch)?.[0]) + laterMs}`
      await node.hello({ known: { generation: 1, epoch } })
      const stays = await node.connection.renew(node.fence)
      expect(stays, 'R1: a store that was passed by holds on to its memory').toMatchObject({ reason: 'lost' })
    }
  needs(MUTANTS.passedBy, 'R1', passedBy(1))
  needs(MUTANTS.sameDate, 'R1', passedBy(0))

  needs(MUTANTS.anyBuckets, 'S1', async (bench) => {
    await join(bench)
    // An epoch would begin here, and every lease be dead.
    await bench.becomeAnother()
    const meta = await bench.redis.hgetall(bench.keys.meta)
    const stranger = bench.beside(2)
    onTestFinished(() => stranger.close())
    const reply = await done(await stranger.connect()).hello(firstHello())
    expect(reply, 'S1: a node that counts other sets was let in').toMatchObject({ status: 'unanswered' })
    expect(reply).toMatchObject({
      cause: expect.stringMatching(/^these keys are spread over 1 buckets: name that many/),
    })
    expect(await bench.redis.hgetall(bench.keys.meta)).toEqual(meta)
  })

  needs(MUTANTS.noGeneration, 'S4', async (bench) => {
    const node = await join(bench)
    const { connection, fence } = node
    await node.hello()
    // The node has settled: it released what went unanswered. Then the network delivers the acquire after all.
    await node.release(claim('late', 'acme', 1))
    await connection.acquire(fence, [claim('late', 'acme', 1)])
    expect(await members(bench, 'acme'), 'S4: an older connection took a slot').toEqual([])
  })

  needs(MUTANTS.lateHello, 'S3', async (bench) => {
    const node = await join(bench)
    const old = node.fence
    await node.hello()
    await node.hello({ generation: old.generation })
    const late = await node.connection.acquire(old, [claim('late', 'acme', 1)])
    expect(late, 'S3: a late hello opened an older generation').toEqual({ status: 'refused', reason: 'stale' })
  })

  needs(MUTANTS.anyLife, 'S3', async (bench) => {
    const [gone, node] = [await StoreNode.join(bench, { generation: 2 }), await join(bench)]
    await node.outlive()
    await node.sweepAll(gone.lease)
    await StoreNode.join(bench, { lease: gone.lease, generation: 1 })
    const back = await gone.hello()
    expect(back, 'S3: a late first hello gave a dead lease back').toEqual({ status: 'refused', reason: 'fenced' })
  })

  needs(MUTANTS.lostIsFenced, 'R1', async (bench) => {
    const node = await join(bench)
    await bench.wipe()
    const reply = await node.connection.renew(node.fence)
    expect(reply, 'R1: a lost store was taken for a dead lease').toEqual({ status: 'refused', reason: 'lost' })
  })

  needs(MUTANTS.deadHello, 'S3', async (bench) => {
    const [gone, node] = [await join(bench), await join(bench)]
    await gone.acquire(claim('a', 'acme', 1))
    await node.outlive()
    await StoreNode.join(bench, { lease: gone.lease }).catch(() => {})
    expect(await node.admitted(claim('b', 'acme', 1)), 'S3: a late hello brought a dead lease back').toBe(1)
  })
})

describe('rule 2, a member belongs to the lease that is its score', () => {
  needs(MUTANTS.releaseOfOthers, 'S4', async (bench) => {
    const [one, two] = [await join(bench), await join(bench)]
    await one.acquire(claim('a', 'acme', 1))
    await two.release(claim('a', 'acme', 1))
    expect(await members(bench, 'acme'), "S4: a release freed another's slot").toEqual(['a'])
  })

  /** What a node makes is named after its lease; of all that is released in one call the first name is looked at first. */
  const made = (by: StoreNode, number: number, org: string) => claim(`${by.lease.toString(36)}-${number}`, org, 9)

  for (const mutant of [MUTANTS.releaseOfNames, MUTANTS.releaseOfBeginnings]) {
    needs(mutant, 'S4', async (bench) => {
      const [one, two] = [await join(bench), await join(bench)]
      const [held, own] = [made(one, 0, 'acme'), made(two, 0, 'acme')]
      await one.acquire(held)
      await two.acquire(own)
      await two.release(own, held)
      await two.release(held, own)
      expect(await members(bench, 'acme'), "S4: a release freed another's slot").toEqual([held.id])
    })
  }

  test('what was made under an earlier lease of the node is released all the same (L1)', async () => {
    await run(async (bench) => {
      const [gone, node] = [await join(bench), await join(bench)]
      const [held, own] = [made(gone, 0, 'acme'), made(node, 0, 'acme')]
      await gone.acquire(held)
      await node.outlive()
      await node.reassert('room', true, held)
      await node.acquire(own)
      await node.release(own, held)
      expect(await members(bench, 'acme')).toEqual([])
    })
  })

  needs(MUTANTS.sweepOfOthers, 'S1', async (bench) => {
    const [gone, node] = [await join(bench), await join(bench)]
    await gone.acquire(claim('a', 'acme', 1))
    await node.outlive()
    const entries = await node.sweep(gone.lease)
    await node.reassert('room', true, claim('a', 'acme', 1))
    await node.sweep(gone.lease, entries)
    expect(await node.admitted(claim('b', 'acme', 1)), 'S1: a sweep freed a slot that was taken over').toBe(0)
  })

  needs(MUTANTS.reassertOfOthers, 'S4', async (bench) => {
    const [one, two] = [await join(bench), await join(bench)]
    await one.acquire(claim('a', 'acme', 1))
    await two.reassert('keep', true, claim('a', 'acme', 1))
    const holder = (await bench.contents()).scopes.get('org:acme')?.get('a')
    expect(holder, 'S4: a live lease lost its slot to another').toBe(one.lease)
  })

  for (const mutant of [MUTANTS.acquireOfOthers, MUTANTS.takenFromTheLiving]) {
    needs(mutant, 'S4', async (bench) => {
      const [one, two] = [await join(bench), await join(bench)]
      await one.acquire(claim('a', 'acme', 9))
      await two.acquire(claim('a', 'acme', 9))
      const holder = (await bench.contents()).scopes.get('org:acme')?.get('a')
      expect(holder, 'S4: a live lease lost its slot to an acquire').toBe(one.lease)
    })
  }

  needs(MUTANTS.leftoversInTheWay, 'S6', async (bench) => {
    const [gone, node] = [await join(bench), await join(bench)]
    await gone.acquire(claim('a', 'acme', 9))
    await node.outlive()
    expect(await node.admitted(claim('a', 'acme', 9)), 'S6: what its dead lease left kept a connection out').toBe(1)
  })

  needs(MUTANTS.holderRefused, 'S4', async (bench) => {
    const node = await join(bench)
    await node.acquire(claim('a', 'acme', 1))
    const [verdict] = await node.acquireAgain(claim('a', 'acme', 1))
    expect(verdict, 'S4: the holder was told that its org is full').toMatchObject({ admitted: true })
  })
})

describe('rule 4, renew declares, sweep deletes, and the dead do not count', () => {
  for (const [mutant, size] of [
    [MUTANTS.deadCountInSmallSets, 3],
    [MUTANTS.deadCountInLargeSets, 40],
  ] as const) {
    needs(mutant, 'S6', async (bench) => {
      const [gone, node] = [await join(bench), await join(bench)]
      await gone.acquire(...claims(size, 'gone', 'acme', size))
      await node.outlive()
      expect(await node.admitted(claim('a', 'acme', size)), 'S6: leftovers of the dead filled an org').toBe(1)
    })
  }

  needs(MUTANTS.renewDeclaresItself, 'L2', async (bench) => {
    const [one, two] = [await join(bench), await join(bench)]
    for (let i = 0; i < 8; i++) {
      await bench.pass(3_000)
      await one.connection.renew(one.fence)
      await two.connection.renew(two.fence)
    }
    expect((await bench.contents()).live.size, 'L2: a lease died in spite of its renewals').toBe(2)
  })

  needs(MUTANTS.sweepOfLiving, 'S1', async (bench) => {
    const [one, two] = [await join(bench), await join(bench)]
    await one.acquire(claim('a', 'acme', 1))
    await two.sweep(one.lease, [claim('a', 'acme', 1)])
    expect(await two.admitted(claim('b', 'acme', 1)), 'S1: a sweep freed a slot of the living').toBe(0)
  })
})

describe('rule 5, one call, many items, each alone', () => {
  const broken = claim('x', 'broken', 9)
  const breakKey = (bench: RedisBench) => bench.redis.set(bench.keys.scope({ name: 'org', id: 'broken' }), 'foreign')

  needs(MUTANTS.brokenKeyInAcquire, 'S5', async (bench) => {
    await breakKey(bench)
    const node = await join(bench)
    const reply = await node.connection.acquire(node.fence, [claim('a', 'acme', 1), broken, claim('b', 'other', 1)])
    expect(reply, "S5: one org's broken key refused others").toMatchObject({
      value: [{ admitted: true }, { admitted: false, reason: 'broken' }, { admitted: true }],
    })
  })

  needs(MUTANTS.brokenKeyInRelease, 'S5', async (bench) => {
    const node = await join(bench)
    await node.acquire(broken, claim('a', 'acme', 1))
    await breakKey(bench)
    await node.connection.release(node.fence, [broken, claim('a', 'acme', 1)])
    expect(await members(bench, 'acme'), "S5: one org's broken key kept another's slot").toEqual([])
  })

  needs(MUTANTS.brokenKeyOfOwn, 'S5', async (bench) => {
    const node = await join(bench)
    const own = (number: number, org: string) => claim(`${node.lease.toString(36)}-${number}`, org, 9)
    const [first, second] = [own(0, broken.scopes[0]!.id), own(1, 'acme')]
    await node.acquire(first, second)
    await breakKey(bench)
    await node.connection.release(node.fence, [first, second])
    expect(await members(bench, 'acme'), "S5: one org's broken key kept another's slot").toEqual([])
  })

  needs(MUTANTS.writesBeforeAllIsRead, 'S2', async (bench) => {
    const node = await join(bench)
    await node.acquire(claim('a', 'acme', 5, { name: 'gateway', id: 'g', limit: 0 }))
    expect(await members(bench, 'acme'), 'S2: a refusal left something behind').toEqual([])
  })

  test('a takeover that meets a broken key is broken alone, and its old connection keeps what it has (S2, S5)', async () => {
    await run(async (bench) => {
      const [a, b] = [await join(bench), await join(bench)]
      const brokenGateway = { name: 'gateway', id: 'broken', limit: 9 }
      await a.acquire(claim('old', 'acme', 9), claim('held', 'other', 9))
      await breakKey(bench)
      await bench.redis.set(bench.keys.scope(brokenGateway), 'foreign')
      const asked = claim('new', 'acme', 9, brokenGateway)
      expect(
        await b.takeOver(
          [asked, 'old'],
          [{ ...asked, reserve: { slots: 1 } }, 'old'],
          [broken, 'old'],
          [claim('y', 'other', 9), 'held'],
        ),
      ).toEqual([
        ...Array.from({ length: 3 }, () => ({ admitted: false, reason: 'broken' })),
        { admitted: true, count: 1, limit: 9, tookOver: true },
      ])
      expect([await members(bench, 'acme'), await members(bench, 'other')]).toEqual([['old'], ['y']])
      expect((await a.renew()).orders).toEqual([{ kind: 'takeover', id: 'held' }])
    })
  })

  test('a lease whose index is broken is given nothing, whichever verb asks, and gives back what it has (S2)', async () => {
    await run(async (bench) => {
      const [a, b] = [await join(bench), await join(bench)]
      await a.acquire(claim('old', 'acme', 9))
      await b.acquire(claim('held', 'acme', 9), claim('too', 'acme', 9))
      await bench.redis.set(bench.keys.conns(b.lease), 'foreign')
      const nothing = [{ admitted: false, reason: 'broken' }]
      expect(await b.acquire(claim('x', 'acme', 9))).toEqual(nothing)
      expect(await b.takeOver([claim('y', 'acme', 9), 'nobody'])).toEqual(nothing)
      expect(await b.takeOver([claim('z', 'acme', 9), 'old'])).toEqual(nothing)
      await b.release(claim('held', 'acme', 9), claim('too', 'acme', 9))
      expect(await members(bench, 'acme')).toEqual(['old'])
      expect((await a.renew()).orders).toEqual([])
    })
  })

  test('the broken index of a dead lease ends no session of those that sweep, and its slots count for nobody (S5, S6)', async () => {
    await run(async (bench) => {
      const [node, gone] = [await join(bench), await join(bench)]
      await gone.acquire(claim('g', 'acme', 1))
      await bench.redis.set(bench.keys.conns(gone.lease), 'foreign')
      await node.outlive()
      expect((await node.renew()).dead).toEqual([gone.lease])
      expect(await node.connection.sweep(node.fence, gone.lease, [])).toEqual({ status: 'ok', value: { next: [] } })
      expect((await node.renew()).dead).toEqual([gone.lease])
      expect(await node.acquire(claim('a', 'acme', 1))).toMatchObject([{ admitted: true }])
      await bench.redis.del(bench.keys.conns(gone.lease))
      await node.sweepAll(gone.lease)
      expect((await bench.contents()).dead.size).toBe(0)
    })
  })

  test('a broken key of one org touches no other, whatever the verb (S5)', async () => {
    await run(async (bench) => {
      const [node, gone] = [await join(bench), await join(bench)]
      await gone.acquire(broken, claim('g', 'acme', 9))
      await breakKey(bench)
      expect(await node.reassert('keep', true, broken, claim('a', 'acme', 9))).toEqual(['broken', 'kept'])
      expect(await bench.store.inspector.countOrgs(['broken', 'acme'])).toMatchObject([{ count: 0 }, { count: 2 }])
      expect(await node.order('evict', 'broken', ['x'])).toMatchObject({ count: 0, leaving: 0, verdicts: ['gone'] })
      expect(await node.probe({ name: 'org', id: 'broken' })).toBe(0)
      expect(await node.connection.audit(node.fence, '0', [broken, claim('a', 'acme', 9)])).toMatchObject({
        value: { whole: [false, true] },
      })
      await node.outlive()
      await node.sweepAll(gone.lease)
      expect(await members(bench, 'acme')).toEqual(['a'])
      expect(await bench.redis.get(bench.keys.scope({ name: 'org', id: 'broken' }))).toBe('foreign')
    })
  })
})

describe('orders are given once, and end', () => {
  needs(MUTANTS.leavingForgotten, 'S1', async (bench) => {
    const [one, two] = [await join(bench), await join(bench)]
    await one.acquire(...claims(3, 'x', 'acme', 9))
    await one.order('surplus', 'acme', ['x-0'], 2)
    const { verdicts } = await two.order('surplus', 'acme', ['x-1'], 2)
    expect(verdicts, 'S1: two nodes ordered one too many').toEqual(['spared'])
  })

  needs(MUTANTS.confirmOfOthers, 'L5', async (bench) => {
    const [one, two] = [await join(bench), await join(bench)]
    await one.acquire(claim('a', 'acme', 9))
    await two.order('evict', 'acme', ['a'])
    await two.confirm({ kind: 'evict', id: 'a' })
    expect((await one.renew()).orders, 'L5: an order was taken back before its owner had heard of it').toHaveLength(1)
  })

  needs(MUTANTS.ordersOfTheDead, 'L5', async (bench) => {
    const [gone, node] = [await join(bench), await join(bench)]
    await gone.acquire(claim('a', 'acme', 9))
    await node.order('evict', 'acme', ['a'])
    await node.outlive()
    await node.sweepAll(gone.lease)
    expect((await bench.contents()).orders.get('evict')?.size, 'L5: an order outlived its lease').toBe(0)
  })

  needs(MUTANTS.orderedPutBack, 'S1', async (bench) => {
    const node = await join(bench)
    await node.acquire(claim('a', 'acme', 1))
    await node.order('evict', 'acme', ['a'])
    await node.release(claim('a', 'acme', 1))
    await node.reassert('keep', false, claim('a', 'acme', 1))
    expect(await members(bench, 'acme'), 'S1: an ordered connection was put back').toEqual([])
  })

  needs(MUTANTS.evictedForgotten, 'L5', async (bench) => {
    const [gone, node] = [await join(bench), await join(bench)]
    await gone.acquire(claim('a', 'acme', 9))
    await node.order('evict', 'acme', ['a'])
    await node.outlive()
    const back = await join(bench)
    await back.reassert('room', true, claim('a', 'acme', 9))
    expect((await back.renew()).orders, 'L5: an eviction was forgotten').toEqual([{ kind: 'evict', id: 'a' }])
  })
})

describe('rule 6, keys and the clock', () => {
  needs(MUTANTS.clockUnbounded, 'R3', async (bench) => {
    const [one, two] = [await join(bench), await join(bench)]
    await two.acquire(claim('a', 'acme', 1))
    await bench.pass(3_600_000)
    await one.renew()
    expect(await one.admitted(claim('b', 'acme', 1)), 'R3: a jump of TIME admitted one too many').toBe(0)
  })

  /** The first key of each call, behind a count where there is one; local names stand for parameters and for elements of KEYS. */
  const undeclared = (script: string) =>
    [...script.matchAll(/redis\.p?call\('(\w+)',?(?: \d,)? ?([^,)]*)/g)]
      .filter(([, command]) => command !== 'TIME' && command !== 'INFO')
      .filter(
        ([, , key = '']) =>
          !/^(KEYS\[.+|scope_key|admission_key|meta|dead_key|late_key|records|versions|expiry|clears)$/.test(key),
      )
      .map(([call]) => call)

  test('every key that the script touches is declared', () => {
    expect(undeclared(SCRIPT)).toEqual([])
    expect(undeclared("redis.call('GET', 'live') redis.call('DEL', ARGV[1])")).toHaveLength(2)
  })

  test('TIME is asked for once in a script, and only by the verbs that move the clock', () => {
    const asked = SCRIPT.split("redis.call('TIME')").length - 1
    expect(asked).toBe(3)
  })
})
