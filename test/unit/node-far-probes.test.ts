import { describe, expect, test } from 'vitest'
import { retryWhenProbedMs } from '../../src/core/retry-after.js'
import { Session } from '../../src/node/lease/session.js'
import { FarProbes } from '../../src/node/probing/far-probes.js'
import type { StoreConnection } from '../../src/store/lease-store.js'
import { SHORT } from '../support/cluster.js'
import { ManualClock } from '../support/manual-clock.js'

const ACME = { name: 'org', id: 'acme' }
const TIMEOUT_MS = 1_000

/** A store in which so many other leases hold slots of everything. */
function probesWhere(asked: number, timeoutMs = TIMEOUT_MS, timing = SHORT) {
  const clock = new ManualClock()
  let said = 0
  const probe = async () => {
    said++
    return { status: 'ok', value: { asked } }
  }
  const connection = { closed: new Promise<string>(() => {}), destroy: () => {}, probe } as unknown as StoreConnection
  const session = new Session(connection, { lease: 1, generation: 1, epoch: 'e' })
  const probes = new FarProbes({ clock, timing, timeoutMs, session: () => session })
  probes.heard(2)
  return { clock, session, probes, said: () => said }
}

describe('L3: the other nodes are asked to look for silent peers', () => {
  test('once a second however many are refused, and each is told when that will be done, which is within R + 2 s', async () => {
    const { clock, probes, said } = probesWhere(1)
    const first = (await probes.doneInMs(ACME, 'acme'))!
    expect(first).toBe(SHORT.renewIntervalMs * 1.1 + TIMEOUT_MS)
    expect(retryWhenProbedMs(first, () => 0.999)).toBeLessThanOrEqual(SHORT.renewIntervalMs + 2_000)
    for (let n = 0; n < 100; n++) await probes.doneInMs(ACME, 'acme')
    clock.advance(400)
    expect(await probes.doneInMs(ACME, 'acme')).toBeCloseTo(first - 400)
    expect(said()).toBe(1)
    clock.advance(600)
    expect(await probes.doneInMs(ACME, 'acme')).toBe(first)
    expect(said()).toBe(2)
  })

  test('who holds the slot of an instance is heard of sooner, and such names crowd out nobody', async () => {
    const { probes } = probesWhere(1, TIMEOUT_MS, { ...SHORT, renewIntervalMs: 3_000 })
    expect(await probes.doneInMs({ name: 'instance', id: 'acme//pod' }, 'acme')).toBe(550 + TIMEOUT_MS)
    for (let n = 0; n < 1_000; n++) await probes.doneInMs({ name: 'instance', id: `acme//${n}` }, 'acme')
    expect(await probes.doneInMs({ name: 'instance', id: 'acme//one-more' }, 'acme')).toBeUndefined()
    expect(await probes.doneInMs(ACME, 'acme')).toBe(3_000 * 1.1 + TIMEOUT_MS)
  })

  test('S5: one org leaves others their looks, whatever the scopes are named for which it asks', async () => {
    const { probes, said } = probesWhere(1)
    for (let n = 0; n < 1_100; n++) await probes.doneInMs({ name: 'address', id: `10.0.0.${n}` }, 'globex')
    expect(said()).toBe(500)
    expect(await probes.doneInMs({ name: 'user', id: 'eu/kim' }, 'globex')).toBeUndefined()
    expect(await probes.doneInMs(ACME, 'acme')).toBeDefined()
  })

  test.each([
    ['nobody else holds a slot', probesWhere(0)],
    ['probes are off', probesWhere(1, 0)],
  ])('nothing is promised where %s', async (_, { probes }) => {
    expect(await probes.doneInMs(ACME, 'acme')).toBeUndefined()
  })

  test('nothing is promised where this node is alone, unless the slot must be elsewhere, or has no session', async () => {
    const { probes, session, said } = probesWhere(1)
    probes.heard(1)
    expect(await probes.doneInMs(ACME, 'acme')).toBeUndefined()
    expect(said()).toBe(0)
    expect(await probes.doneInMs({ name: 'instance', id: 'acme//pod' }, 'acme', true)).toBeDefined()
    expect(said()).toBe(1)
    probes.heard(2)
    session.close('closed', 'test')
    expect(await probes.doneInMs(ACME, 'acme')).toBeUndefined()
    const clock = new ManualClock()
    const without = new FarProbes({ clock, timing: SHORT, timeoutMs: TIMEOUT_MS, session: () => undefined })
    without.heard(2)
    expect(await without.doneInMs(ACME, 'acme')).toBeUndefined()
  })
})
