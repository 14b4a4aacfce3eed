import { setMaxListeners } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import type { Admission, Admitted } from '../../src/core/admission.js'
import type { LeaseTiming } from '../../src/core/lease-timing.js'
import type { LimiterNode } from '../../src/node/limiter-node.js'
import type { LeaseStore } from '../../src/store/lease-store.js'
import { memoryStore, PATIENT, redisStore, SHORT, startNodes } from '../support/cluster.js'
import { freshPrefix, sharedRedisUrl } from '../support/redis.js'
import { until } from '../support/until.js'

let nodes: LimiterNode[] = []
let stores: LeaseStore[] = []

afterEach(async () => {
  await Promise.all(nodes.map((node) => node.abandon()))
  await Promise.all(stores.map((store) => store.close()))
  nodes = []
  stores = []
})

type MakeStore = (timing: LeaseTiming) => LeaseStore

const kinds: [string, () => MakeStore][] = [
  [
    'Redis',
    () => {
      const prefix = freshPrefix()
      return (timing) => redisStore(sharedRedisUrl(), prefix, timing)
    },
  ],
  [
    'memory',
    () => {
      let store: LeaseStore | undefined
      return (timing) => {
        store ??= memoryStore(timing)
        return store
      }
    },
  ],
]

const taken = (admissions: Admission[]): Admitted[] => admissions.filter((one): one is Admitted => one.admitted)

describe.each(kinds)('nodes on %s', (_, makeStore) => {
  async function cluster(count: number, timing = SHORT): Promise<LimiterNode[]> {
    const make = makeStore()
    nodes = await startNodes(
      count,
      () => {
        const store = make(timing)
        stores.push(store)
        return store
      },
      { timing },
    )
    return nodes
  }

  const count = async (org: string): Promise<number> => (await stores[0]?.inspector.countOrgs([org]))?.[0]?.count ?? -1

  it('S1: of 200 admissions at one instant over three nodes exactly the limit is granted, round after round', async () => {
    const cluster3 = await cluster(3, PATIENT)
    for (let round = 0; round < 20; round++) {
      const asked = Array.from({ length: 200 }, (_, i) => (cluster3[i % 3] as LimiterNode).admit({ org: 'acme' }))
      const admissions = await Promise.all(asked)
      const granted = taken(admissions)
      expect(granted).toHaveLength(3)
      for (const one of admissions) if (!one.admitted) expect(one.code).toBe('ORG_CONNECTION_LIMIT_EXCEEDED')
      expect(await count('acme')).toBe(3)
      for (const one of granted) one.release()
      await until(async () => (await count('acme')) === 0, { what: 'slots given back' })
    }
  })

  it('L4: a drained node tells its connections, waits for their release and gives up its lease last', async () => {
    const [one, two] = (await cluster(2)) as [LimiterNode, LimiterNode]
    const granted = taken(await Promise.all([1, 2, 3].map(() => one.admit({ org: 'acme' }))))
    for (const each of granted) each.lost.addEventListener('abort', () => each.release())
    await one.drain({ withinMs: 2_000 })
    expect(granted.map((each) => each.lost.reason)).toEqual(['DRAINING', 'DRAINING', 'DRAINING'])
    expect(await one.admit({ org: 'acme' })).toMatchObject({ admitted: false, code: 'DRAINING' })
    expect(await count('acme')).toBe(0)
    expect(await stores[0]?.inspector.nodes()).toHaveLength(1)
    expect(await two.admit({ org: 'acme' })).toMatchObject({ admitted: true, currentCount: 1 })
  })

  it('L2: the slots of a node that dies are free within T + R, and not while its lease lives', async () => {
    const [one, two] = (await cluster(2)) as [LimiterNode, LimiterNode]
    expect(taken(await Promise.all([1, 2, 3].map(() => one.admit({ org: 'acme' }))))).toHaveLength(3)
    const diedAt = performance.now()
    await one.abandon()
    const denied = await two.admit({ org: 'acme' })
    expect(denied).toMatchObject({ admitted: false, currentCount: 3 })
    await until(async () => (await two.admit({ org: 'acme' })).admitted, { what: 'a slot of the dead' })
    const tookMs = performance.now() - diedAt
    expect(tookMs).toBeGreaterThan(SHORT.ttlMs - SHORT.clockStepCapMs - SHORT.renewIntervalMs)
    expect(tookMs).toBeLessThan(SHORT.ttlMs + SHORT.renewIntervalMs * 1.1 + 500)
  })

  it('releases what was taken for somebody who has left meanwhile', async () => {
    const [one] = (await cluster(1)) as [LimiterNode]
    const left = new AbortController()
    setMaxListeners(0, left.signal)
    const asked = Array.from({ length: 50 }, () => one.admit({ org: 'acme' }, left.signal))
    left.abort()
    expect(taken(await Promise.all(asked))).toHaveLength(0)
    await until(async () => (await count('acme')) === 0 && one.connections === 0, { what: 'nothing kept' })
  })
})
