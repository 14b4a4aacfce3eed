import { describe, expect, test } from 'vitest'
import { EventBus, type NodeEvents } from '../../src/core/events.js'
import { denialOf, fullScope } from '../../src/node/admission/denial.js'
import { Denials } from '../../src/node/admission/denials.js'
import { Session } from '../../src/node/lease/session.js'
import { FarProbes } from '../../src/node/probing/far-probes.js'
import type { Claim, StoreConnection } from '../../src/store/lease-store.js'
import { SHORT } from '../support/cluster.js'
import { ManualClock } from '../support/manual-clock.js'

const ORG = { name: 'org', id: 'acme', limit: 3 }
const INSTANCE = { name: 'instance', id: 'acme//pod', limit: 1 }
const GATEWAY = { name: 'gateway', id: 'acme/eu', limit: 2 }
const CLAIM: Claim = { id: 'c', details: '{}', scopes: [ORG, INSTANCE, GATEWAY] }

type Full = { scope?: number; count?: number; limit?: number; reserved?: number; freeInMs?: number }

function full({ scope = 0, count = 3, limit = 3, ...more }: Full = {}) {
  return { kind: 'decided', verdict: { admitted: false, reason: 'full', scope, count, limit, ...more } } as const
}
const granted = { kind: 'decided', verdict: { admitted: true, count: 1, limit: 3 } } as const
const fenced = { kind: 'decided', verdict: { admitted: false, reason: 'duplicate' } } as never

describe('why somebody is denied', () => {
  test('a full org: its count and limit, and nothing that was not said', () => {
    const denial = { code: 'ORG_CONNECTION_LIMIT_EXCEEDED', currentCount: 3, maxAllowed: 3 }
    expect(denialOf(full(), CLAIM)).toStrictEqual(denial)
    const more = { reserved: 1, freeInMs: 40 }
    expect(denialOf(full(more), CLAIM)).toStrictEqual({ ...denial, ...more })
    expect(denialOf(full({ reserved: 0, freeInMs: 0 }), CLAIM)).toStrictEqual({ ...denial, reserved: 0, freeInMs: 0 })
  })

  test('another full scope is named', () => {
    expect(denialOf(full({ scope: 2, count: 2, limit: 2 }), CLAIM)).toStrictEqual({
      ...{ code: 'GATEWAY_CONNECTION_LIMIT_EXCEEDED', currentCount: 2, maxAllowed: 2, scope: 'gateway' },
    })
  })

  test('a scope that the claim has not can only be the store’s mistake, and counts as the org’s', () => {
    expect(denialOf(full({ scope: 7 }), CLAIM).code).toBe('ORG_CONNECTION_LIMIT_EXCEEDED')
  })

  test('a store that recovers says when, where it knows', () => {
    expect(denialOf({ kind: 'recovering', retryAfterMs: undefined }, CLAIM)).toStrictEqual({ code: 'RECOVERING' })
    const known = denialOf({ kind: 'recovering', retryAfterMs: 700 }, CLAIM)
    expect(known).toStrictEqual({ code: 'RECOVERING', freeInMs: 700 })
  })

  test('a failure of the store is never told as a quota', () => {
    expect(denialOf({ kind: 'unavailable', cause: 'gone' }, CLAIM)).toStrictEqual({
      ...{ code: 'STORE_UNAVAILABLE', cause: 'gone' },
    })
    expect(denialOf(fenced, CLAIM)).toStrictEqual({
      ...{ code: 'STORE_UNAVAILABLE', cause: 'the store refused: duplicate', refused: 'duplicate' },
    })
    expect(() => denialOf(granted, CLAIM)).toThrow('no denial')
  })

  test('is for fullness in that scope alone', () => {
    expect(fullScope(full({ scope: 1 }), CLAIM)).toBe(INSTANCE)
    for (const other of [granted, fenced, { kind: 'recovering', retryAfterMs: 1 } as const]) {
      expect(fullScope(other, CLAIM)).toBeUndefined()
    }
  })
})

/** Denies beside so many other leases, which hold slots of everything. */
function denialsBeside(
  others: number,
  { recoveryLeftMs, random = () => 0.5 }: { recoveryLeftMs?: number; random?: () => number } = {},
) {
  const [clock, events] = [new ManualClock(), new EventBus()]
  const asked: string[] = []
  const probe = async (_: unknown, { name }: { name: string }) => {
    asked.push(name)
    return { status: 'ok', value: { asked: others } }
  }
  const connection = { closed: new Promise<string>(() => {}), destroy: () => {}, probe } as unknown as StoreConnection
  const session = new Session(connection, { lease: 1, generation: 1, epoch: 'e' })
  const farProbes = new FarProbes({ clock, timing: SHORT, timeoutMs: 1_000, session: () => session })
  farProbes.heard(1 + others)
  const told: NodeEvents['admission.denied'][] = []
  events.on('admission.denied', (event) => told.push(event))
  const refused: NodeEvents['store.refused'][] = []
  events.on('store.refused', (event) => refused.push(event))
  return {
    denials: new Denials({ events, timing: SHORT, random, farProbes, recoveryLeftMs: () => recoveryLeftMs }),
    told,
    refused,
    asked,
  }
}

describe('when to come back', () => {
  test('a store that refused is told of, and not one that did not answer, nor a limit', async () => {
    const { denials, refused } = denialsBeside(0)
    denials.deny(CLAIM, denialOf({ kind: 'unavailable', cause: 'gone' }, CLAIM))
    await denials.probeAndDeny(CLAIM, full())
    expect(refused).toEqual([])
    const outcome = { kind: 'decided', verdict: { admitted: false, reason: 'memory' } } as const
    const denied = await denials.probeAndDeny(CLAIM, outcome)
    expect(denied).toStrictEqual({ admitted: false, code: 'STORE_UNAVAILABLE', retryAfterMs: 5_000 })
    expect(refused).toEqual([{ org: 'acme', reason: 'memory' }])
  })

  test('where nothing is known, in the middle of the base', async () => {
    const { denials } = denialsBeside(0)
    expect(await denials.probeAndDeny(CLAIM, full())).toStrictEqual({
      ...{ admitted: false, code: 'ORG_CONNECTION_LIMIT_EXCEEDED', currentCount: 3, maxAllowed: 3 },
      retryAfterMs: 5_000,
    })
  })

  test('where a holder is late: when it has run out, and a renewal has found that', async () => {
    const { denials } = denialsBeside(0)
    const { retryAfterMs } = await denials.probeAndDeny(CLAIM, full({ freeInMs: 300 }))
    expect(retryAfterMs).toBe(300 + SHORT.renewIntervalMs + 500)
  })

  test('where other nodes look for silent peers: when they have, unless a holder runs out before', async () => {
    const { denials, asked } = denialsBeside(2)
    const probedInMs = SHORT.renewIntervalMs * 1.1 + 1_000
    expect((await denials.probeAndDeny(CLAIM, full())).retryAfterMs).toBe(probedInMs + 250)
    expect((await denials.probeAndDeny(CLAIM, full({ freeInMs: 5_000 }))).retryAfterMs).toBe(probedInMs + 250)
    const sooner = await denials.probeAndDeny(CLAIM, full({ freeInMs: 300 }))
    expect(sooner.retryAfterMs).toBe(300 + SHORT.renewIntervalMs + 500)
    expect(asked).toEqual(['org'])
  })

  test.each(['STARTING', 'RECOVERING'] as const)('%s: when the store has recovered, and never before', (code) => {
    const lookMs = SHORT.renewIntervalMs / 15
    const wait = (recoveryLeftMs: number, random: number, freeInMs?: number) => {
      const { denials } = denialsBeside(0, { recoveryLeftMs, random: () => random })
      return denials.deny(CLAIM, { code, ...(freeInMs !== undefined && { freeInMs }) }).retryAfterMs
    }
    expect(wait(3_000, 0)).toBe(Math.ceil(3_000 + lookMs))
    expect(denialsBeside(0, { recoveryLeftMs: 3_000 }).denials.startRetryMs()).toBe(Math.ceil(3_000 + lookMs + 500))
    expect(denialsBeside(0).denials.startRetryMs()).toBeUndefined()
    expect(wait(3_000, 0.5)).toBe(Math.ceil(3_000 + lookMs + 500))
    // The store said it by a clock that had stood still, and this node has counted on.
    expect(wait(3_000, 0, 4_500)).toBe(Math.ceil(3_000 + lookMs))
    expect(wait(3_000, 0, 2_500)).toBe(Math.ceil(2_500 + lookMs))
  })

  test('a recovery that waits for a straggler may last, so nothing is known of when', () => {
    const { denials } = denialsBeside(0, { recoveryLeftMs: 1 })
    expect(denials.deny(CLAIM, { code: 'RECOVERING', freeInMs: 0 }).retryAfterMs).toBe(5_000)
    expect(denialsBeside(0).denials.deny(CLAIM, { code: 'STARTING' }).retryAfterMs).toBe(5_000)
    expect(denialsBeside(0, { recoveryLeftMs: 3_000 }).denials.deny(CLAIM, { code: 'DRAINING' }).retryAfterMs).toBe(
      5_000,
    )
  })

  test('the old connection of an instance was looked for already', async () => {
    const { denials, asked } = denialsBeside(2)
    expect((await denials.probeAndDeny(CLAIM, full({ scope: 1, count: 1, limit: 1 }))).retryAfterMs).toBe(5_000)
    expect(asked).toEqual([])
  })
})

test('every denial is told with its org, with a cause where there is one, and without when to come back', async () => {
  const { denials, told } = denialsBeside(0)
  denials.deny(CLAIM, { code: 'DRAINING' })
  await denials.probeAndDeny(CLAIM, { kind: 'unavailable', cause: 'gone' })
  await denials.probeAndDeny(CLAIM, full({ freeInMs: 300 }))
  expect(told).toStrictEqual([
    { org: 'acme', code: 'DRAINING' },
    { org: 'acme', code: 'STORE_UNAVAILABLE', cause: 'gone' },
    { org: 'acme', code: 'ORG_CONNECTION_LIMIT_EXCEEDED', currentCount: 3, maxAllowed: 3 },
  ])
})
