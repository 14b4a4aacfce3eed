import { describe, expect, test } from 'vitest'
import { UsageError } from '../../src/core/errors.js'
import { EventBus, type NodeEvents } from '../../src/core/events.js'
import { parseTiers, Tiers } from '../../src/core/tiers.js'
import { digestOf } from '../../src/identity/digest.js'
import type { KeyEntry } from '../../src/identity/key-file-schema.js'
import { keyIdOf } from '../../src/identity/key-ring.js'
import { withKnownTiers } from '../../src/identity/key-tiers.js'
import { requestLimit } from '../../src/node/held/request-limit.js'
import type { Log } from '../../src/observe/log.js'
import { loadConfig } from '../../src/server/config.js'
import { silentLog } from '../support/silent-log.js'

const tiers = new Tiers({ paid: 10, free: 3, big: Number.POSITIVE_INFINITY })

describe('HEADCOUNT_TIERS', () => {
  test.each<[string, Record<string, number>]>([
    ['free=3,paid=10', { free: 3, paid: 10 }],
    [' a=0 , b.c-d_9=unlimited', { a: 0, 'b.c-d_9': Number.POSITIVE_INFINITY }],
    ['constructor=1,toString=2', { constructor: 1, toString: 2 }],
  ])('%j is a table', (text, limits) => {
    expect(parseTiers(text)?.limits).toEqual(limits)
  })

  test.each([
    ...['', 'free', 'free=', '=3', 'free=3,', 'free=-1', 'free=1.5', 'free=3,free=4', 'fr ee=3', 'free=3=4', '-a=1'],
    ...['free=none', 'free=Infinity', `${'x'.repeat(65)}=1`, Array.from({ length: 101 }, (_, i) => `t${i}=1`).join()],
  ])('%j is none: the start is refused, and the message says what is accepted', (text) => {
    expect(parseTiers(text)).toBeUndefined()
    const loaded = loadConfig({ argv: [`--tiers=${text}`], env: {} })
    expect(loaded.ok).toBe(false)
    if (!loaded.ok) expect(loaded.errors[0]?.message).toMatch(/^HEADCOUNT_TIERS .* it takes tiers with their limits/)
  })

  test.each([[{}], [{ 'a b': 1 }], [{ a: -1 }], [{ a: 1.5 }]])('the library refuses %j', (limits) => {
    expect(() => new Tiers(limits as Record<string, number>)).toThrow(UsageError)
  })
})

describe('the limit of a request', () => {
  const defaults = { connectionsPerOrg: 5, tiers }

  test.each([
    [{}, 5],
    [{ tier: 'paid' }, 10],
    [{ tier: 'big' }, Number.POSITIVE_INFINITY],
    [{ tier: 'paid', limit: 7 }, 7],
    [{ tier: 'gold' }, 3],
    [{ tier: '__proto__' }, 3],
  ])('of %j is %d', (request, limit) => {
    expect(requestLimit({ org: 'acme', ...request }, defaults)).toBe(limit)
  })

  test('is the default where a tier is named and none are known', () => {
    expect(requestLimit({ org: 'acme', tier: 'paid' }, { connectionsPerOrg: 5 })).toBe(5)
  })

  test('in an unknown tier is reported', () => {
    const events = new EventBus()
    const told: NodeEvents['tier.unknown'][] = []
    events.on('tier.unknown', (event) => told.push(event))
    requestLimit({ org: 'acme', tier: 'gold' }, defaults, events)
    requestLimit({ org: 'acme', tier: 'paid' }, defaults, events)
    expect(told).toEqual([{ org: 'acme', tier: 'gold', fallback: 'free' }])
  })
})

test('a key with an unknown tier gets the lowest, and the log names its id and never the key', () => {
  const lines: object[] = []
  const log: Log = { ...silentLog, warn: (fields) => void lines.push(fields) }
  const entry = (key: string, tier?: string): KeyEntry => ({
    ...{ sha256: digestOf(key), org: 'acme', gateway: 'g', disabled: false },
    ...(tier !== undefined && { tier }),
  })
  const entries = [entry('one'), entry('two', 'paid'), entry('geheim', 'gold')]
  expect(withKnownTiers(entries, tiers, log).map(({ tier }) => tier)).toEqual([undefined, 'paid', 'free'])
  expect(lines).toEqual([{ keyId: keyIdOf(entries[2]!), org: 'acme', tier: 'gold', fallback: 'free' }])
  expect(JSON.stringify(lines)).not.toContain('geheim')
})
