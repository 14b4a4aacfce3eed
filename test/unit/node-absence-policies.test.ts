import { afterEach, describe, expect, test } from 'vitest'
import { EventBus } from '../../src/core/events.js'
import { DEFAULT_POLICIES, type Policies } from '../../src/core/policies.js'
import type { Reserve } from '../../src/core/reserve.js'
import { Absence } from '../../src/node/admission/absence.js'
import { HeldConnection } from '../../src/node/held/held-connection.js'
import { HeldConnections } from '../../src/node/held/held-connections.js'
import { instanceScope } from '../../src/node/held/instances.js'
import { momentOf } from '../../src/node/lease/moment.js'
import type { ScopeClaim } from '../../src/store/lease-store.js'
import { SHORT } from '../support/cluster.js'
import { ManualClock } from '../support/manual-clock.js'

const D = SHORT.trustMs
const clock = new ManualClock()

afterEach(() => expect(clock.pending).toBe(0))

/** The policies alone: the test says what was heard of the store, which knew then of all that was open. */
function absenceUnder(policies: Partial<Policies>, { embedded = false } = {}) {
  const [events, held, told] = [new EventBus(), new HeldConnections(), [] as unknown[]]
  const absence = new Absence({
    ...{ clock, timing: SHORT, policies: { ...DEFAULT_POLICIES, ...policies }, held, events, embedded },
  })
  events.on('debt.taken', (event) => told.push(event))
  events.on('lease.lapsed', (event) => told.push(event))
  let next = 0
  const connection = (
    limit: number,
    { more = [] as ScopeClaim[], reserve = undefined as Reserve | undefined } = {},
  ) => {
    const scopes: [ScopeClaim, ...ScopeClaim[]] = [{ name: 'org', id: 'acme', limit }, ...more]
    return new HeldConnection({ id: `c-${next++}`, scopes, details: '{}', ...(reserve && { reserve }) }, 0)
  }
  return {
    ...{ absence, events, held, told, connection },
    hear: (liveNodes = 1, recoveryMs = 0) => {
      absence.heard(momentOf(clock), { liveNodes, recoveryMs })
      absence.vouched(momentOf(clock))
    },
    admit: (limit = 3, setByOperators?: number) => absence.admit(connection(limit), setByOperators),
    [Symbol.dispose]: () => absence.end(),
  }
}

describe('R2: who is admitted in the store’s place', () => {
  test('under `deny` nobody, and before the store was ever heard nobody either', () => {
    using denying = absenceUnder({})
    denying.hear()
    expect(denying.admit()).toBeUndefined()
    using allowing = absenceUnder({ onStoreDown: 'allow' })
    expect(allowing.admit()).toBeUndefined()
  })

  test('under `allow` everybody, as debt, for so long after the store was last heard and not a moment more', () => {
    using node = absenceUnder({ onStoreDown: 'allow', storeDownTimeMs: 1_000 })
    node.hear(2)
    expect(node.admit(1)).toStrictEqual({ count: 1, limit: 1 })
    expect(node.admit(1)).toStrictEqual({ count: 2, limit: 1 })
    expect(node.held.held().map(({ id, debt, state }) => [id, debt, state])).toEqual([
      ['c-0', true, 'held'],
      ['c-1', true, 'held'],
    ])
    const debt = { org: 'acme', policy: 'allow' }
    expect(node.told).toStrictEqual(['c-0', 'c-1'].map((connectionId) => ({ connectionId, ...debt })))
    clock.advance(1_000)
    expect(node.admit()).toMatchObject({ count: 3 })
    clock.advance(1)
    expect(node.admit()).toBeUndefined()
  })

  test('under `local` a node’s share of the limit, by the nodes that were last alive', () => {
    using node = absenceUnder({ onStoreDown: 'local' })
    node.hear(2)
    expect([node.admit(5), node.admit(5), node.admit(5)]).toEqual([
      { count: 1, limit: 5 },
      { count: 2, limit: 5 },
      undefined,
    ])
    node.hear(1)
    expect(node.admit(5)).toEqual({ count: 3, limit: 5 })
    node.hear(0)
    expect(node.admit(3)).toBeUndefined()
  })

  test('what operators have set counts before what the connection came with, be it more or none', () => {
    using node = absenceUnder({ onStoreDown: 'local' })
    node.hear()
    expect(node.admit(1, 2)).toEqual({ count: 1, limit: 2 })
    expect(node.admit(1, 2)).toEqual({ count: 2, limit: 2 })
    expect(node.admit(9, 2)).toBeUndefined()
    expect(node.admit(9, 0)).toBeUndefined()
  })

  test('what is reserved is left to those that have priority, and told', () => {
    using node = absenceUnder({ onStoreDown: 'local' })
    node.hear()
    const usual = () => node.absence.admit(node.connection(3, { reserve: { slots: 1 } }), undefined)
    expect(usual()).toStrictEqual({ count: 1, limit: 2, reserved: 1 })
    expect(usual()).toStrictEqual({ count: 2, limit: 2, reserved: 1 })
    expect(usual()).toBeUndefined()
    const nothing = node.connection(3, { reserve: { slots: 0 } })
    expect(node.absence.admit(nothing, undefined)).toStrictEqual({ count: 3, limit: 3 })
  })

  test('a share of every scope, each of its own limit', () => {
    using node = absenceUnder({ onStoreDown: 'local' })
    node.hear(2)
    const from = (id: string, limit: number) => node.connection(20, { more: [{ name: 'address', id, limit }] })
    expect(node.absence.admit(from('a', 2), 20)).toEqual({ count: 1, limit: 20 })
    expect(node.absence.admit(from('a', 2), 20)).toBeUndefined()
    expect(node.absence.admit(from('b', 4), 20)).toEqual({ count: 2, limit: 20 })
    expect(node.absence.admit(from('b', 4), 4)).toBeUndefined()
  })

  test('an instance one connection on each node: half of one would be none', () => {
    using node = absenceUnder({ onStoreDown: 'local' })
    node.hear(2)
    const of = (instance: string) => node.connection(20, { more: [instanceScope('acme', 'gate', instance)] })
    expect(node.absence.admit(of('pod-1'), 20)).toEqual({ count: 1, limit: 20 })
    expect(node.absence.admit(of('pod-1'), 20)).toBeUndefined()
    expect(node.absence.admit(of('pod-2'), 20)).toEqual({ count: 2, limit: 20 })
    expect(node.absence.admit(of('pod-3'), 4)).toBeUndefined()
  })
})

describe('a policy that is none counts as the strictest', () => {
  /** As a program without types says them. */
  const given = (policies: Record<string, unknown>) => policies as Partial<Policies>

  test.each([
    { onStoreDown: 'Deny' },
    { onStoreDown: undefined },
    { onStoreDown: 'allow', storeDownTimeMs: undefined },
    { onStoreDown: 'allow', storeDownTimeMs: Number.NaN },
  ])('%o lets nobody in', (policies) => {
    using node = absenceUnder(given(policies))
    node.hear()
    expect(node.admit()).toBeUndefined()
  })

  test.each(['Close', undefined])('a lease out of trust under %o closes, and no frame passes', (onLeaseLost) => {
    using node = absenceUnder(given({ onStoreDown: 'allow', onLeaseLost }))
    node.hear()
    expect(node.admit()).toBeDefined()
    clock.advance(D)
    expect(node.absence.mayCarryFrames!()).toBe(false)
    expect(node.admit()).toBeUndefined()
    expect(node.held.held().map(({ closing }) => closing)).toEqual(['STORE_AWAY'])
  })
})

describe('S7: the lease cannot be trusted', () => {
  test('under `close` nobody is admitted and no frame passes from there on, and who was open is closed with it', () => {
    using node = absenceUnder({ onStoreDown: 'allow', onLeaseLost: 'close' })
    expect(node.absence.mayCarryFrames!()).toBe(false)
    node.hear()
    expect(node.admit()).toBeDefined()
    clock.advance(D - 1)
    expect(node.absence.mayCarryFrames!()).toBe(true)
    expect(node.held.held()[0]!.closing).toBeUndefined()
    clock.advance(1)
    expect(node.absence.mayCarryFrames!()).toBe(false)
    expect(node.admit()).toBeUndefined()
    expect(node.held.held().map(({ closing }) => closing)).toEqual(['STORE_AWAY'])
  })

  test('under `close` a lease that was fenced closes all, since others may have the slots, and one that was lost nobody', () => {
    using node = absenceUnder({ onStoreDown: 'allow', onLeaseLost: 'close' })
    node.hear()
    node.admit()
    node.events.emit('lease.lost', { lease: 1, reason: 'lost' })
    expect(node.held.held()[0]!.closing).toBeUndefined()
    expect(node.absence.mayCarryFrames!()).toBe(true)
    node.events.emit('lease.lost', { lease: 2, reason: 'fenced' })
    expect(node.held.held()[0]!.closing).toBe('LEASE_LOST')
  })

  test('under `rejoin` frames are not asked about, and who is open stays, for the orphan time beyond D', () => {
    using node = absenceUnder({ onStoreDown: 'allow', orphanTimeMs: 500 })
    node.hear()
    expect(node.admit()).toBeDefined()
    clock.advance(D)
    expect(node.absence.mayCarryFrames).toBeUndefined()
    expect(node.admit()).toMatchObject({ count: 2 })
    node.events.emit('lease.lost', { lease: 1, reason: 'lost' })
    clock.advance(499)
    expect(node.held.held().map(({ closing }) => closing)).toEqual([undefined, undefined])
    clock.advance(1)
    expect(node.held.held().map(({ closing }) => closing)).toEqual(['STORE_AWAY', 'STORE_AWAY'])
    expect(node.told.at(-1)).toStrictEqual({ closing: 2 })
    // They would be let in again only to be closed again.
    expect(node.admit()).toBeUndefined()
    // Nor would anything end this in time before the store vouches for them again.
    node.absence.heard(momentOf(clock), { liveNodes: 1, recoveryMs: 0 })
    expect(node.admit()).toBeUndefined()
    node.hear()
    expect(node.admit()).toBeDefined()
  })

  test('what is admitted between a hello and the first renewal has its time from that hello', () => {
    using node = absenceUnder({ onStoreDown: 'allow', onLeaseLost: 'close' })
    node.hear()
    node.admit()
    clock.advance(D - 1)
    node.absence.vouched(momentOf(clock))
    clock.advance(D - 1)
    expect(node.held.held()[0]!.closing).toBeUndefined()
    clock.advance(1)
    expect(node.held.held()[0]!.closing).toBe('STORE_AWAY')
  })

  test('an embedded store is never away, and a node that has ended closes nobody', () => {
    using embedded = absenceUnder({ onStoreDown: 'allow', onLeaseLost: 'close' }, { embedded: true })
    embedded.hear()
    embedded.admit()
    expect(clock.pending).toBe(0)
    using ended = absenceUnder({ onStoreDown: 'allow', onLeaseLost: 'close' })
    ended.hear()
    ended.admit()
    ended.absence.end()
    clock.advance(2 * D)
    for (const { held } of [embedded, ended]) expect(held.held()[0]!.closing).toBeUndefined()
  })
})
