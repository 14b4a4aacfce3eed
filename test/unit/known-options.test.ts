import { createServer } from 'node:http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { checkScopes } from '../../src/core/scopes.js'
import { type AttachOptions, createLimiter, type LimiterOptions, UsageError } from '../../src/index.js'
import { resolveOptions } from '../../src/limiter/options.js'
import { unhandledRejections } from '../support/unhandled-rejections.js'

/** As a program without types says it. */
const resolve = (options: unknown) => () => void resolveOptions(options as LimiterOptions)

function misuse(code: string, message: string) {
  return expect.objectContaining({ name: 'UsageError', code, message })
}

const REDIS = 'redis is the URL of a Redis, to which the limiter connects by itself, such as "redis://localhost:6379";'

describe('options of a limiter', () => {
  test.each([
    [{ limit: 3 }, 'limit is not an option; did you mean limits.org?'],
    [{ org: 3 }, 'org is not an option; did you mean limits.org?'],
    [{ limits: 3 }, 'limits is an object, such as { org: … }, not 3'],
    [{ limits: null }, 'limits is an object, such as { org: … }, not null'],
    [{ limits: { orgs: 1 } }, 'limits.orgs is not an option; did you mean limits.org?'],
    [{ limits: { tiers: null } }, 'limits.tiers is an object, not null'],
    [{ limits: { tierOf: 'free' } }, 'limits.tierOf is a function, not "free"'],
    [{ leaseTtl: 1_000 }, 'leaseTtl is not an option; did you mean leaseTtlMs?'],
    [{ leaseTtlMs: '15000' }, 'leaseTtlMs is a number, not "15000"'],
    [{ probeTimeoutMs: null }, 'probeTimeoutMs is a number, not null'],
    [{ redis: null }, `${REDIS} not null`],
    [{ redis: {} }, `${REDIS} not an object`],
    [{ store: { status: 'ready', connect: () => {} } }, 'store is not an option; did you mean redis?'],
    [{ policies: { storeDown: 'allow' } }, 'policies.storeDown is not an option; did you mean policies.onStoreDown?'],
    [{ onStoreDown: 'allow' }, 'onStoreDown is not an option; did you mean policies.onStoreDown?'],
    [{ verbose: true }, 'verbose is not an option; docs/library.md lists them'],
    [{ constructor: 1 }, 'constructor is not an option; docs/library.md lists them'],
    ['redis://localhost', 'the argument is an object of options, not text'],
    [[], 'the argument is an object of options, not a list'],
    [{ limits: [] }, 'limits is an object, such as { org: … }, not a list'],
  ])('%o', (options, message) => {
    expect(resolve(options)).toThrow(misuse('INVALID_SETTINGS', message))
  })

  test.each<[string, unknown]>([
    ['an address in the place of all options', 'redis://user:hunter2@localhost'],
    ['a URL that is no text', { redis: new URL('redis://user:hunter2@localhost') }],
    ['a list of addresses', { redis: ['redis://user:hunter2@localhost'] }],
    ['a function', { redis: () => 'redis://user:hunter2@localhost' }],
    ['a Buffer', { resumeSecret: Buffer.from('hunter2') }],
    ['what has a text of its own', { resumeSecret: { toString: () => 'hunter2' } }],
  ])('that may hold a secret are not repeated: %s', (_, options) => {
    expect(resolve(options)).toThrow(UsageError)
    expect(resolve(options)).not.toThrow('hunter2')
  })

  test('of which nothing can make text are refused like any other', () => {
    const options = { nodeName: Object.create(null) }
    expect(resolve(options)).toThrow(misuse('INVALID_SETTINGS', 'nodeName is text, not an object'))
  })

  test.each([
    [{ resumeSecret: 'hunter2' }, 'resumeSecret has 16 to 512 characters, not 7'],
    [{ resumeSecret: 's'.repeat(513) }, 'resumeSecret has 16 to 512 characters, not 513'],
    [{ nodeName: '' }, 'nodeName has 1 to 128 characters, not 0'],
    [{ nodeName: 'n'.repeat(129) }, 'nodeName has 1 to 128 characters, not 129'],
  ])('of a length that the server does not take either: %o', (options, message) => {
    expect(resolve(options)).toThrow(misuse('INVALID_SETTINGS', message))
  })

  test.each([{ resumeSecret: '' }, { resumeSecret: 's'.repeat(16) }, { resumeSecret: 's'.repeat(512) }])(
    'of a length that is sound: %o',
    (options) => void resolveOptions({ ...options, nodeName: 'n'.repeat(128) }),
  )

  test.each([
    [null, 'null'],
    ['3', '"3"'],
    [-1, '-1'],
    [3n, '3n'],
  ])('a limit of %o is none, and is named', (value, shown) => {
    const message = `is a whole number from 0, or Infinity, not ${shown}`
    for (const name of ['org', 'gateway', 'address', 'cluster']) {
      expect(resolve({ limits: { [name]: value } })).toThrow(misuse('INVALID_LIMIT', `limits.${name} ${message}`))
    }
    const ofTier = misuse('INVALID_LIMIT', `the limit of the tier gold ${message}`)
    expect(resolve({ limits: { tiers: { free: 1, gold: value } } })).toThrow(ofTier)
    const scopes = [{ name: 'user', id: 'kim', limit: value as number }]
    expect(() => checkScopes(scopes)).toThrow(misuse('INVALID_LIMIT', `the limit of the scope "user" ${message}`))
  })

  test('that are undefined are absent, whatever they are called', () => {
    const inner = { org: undefined, gateway: undefined, tiers: undefined, orgs: undefined }
    for (const options of [{ limits: undefined, policies: undefined, limit: undefined }, { limits: inner }]) {
      expect(resolveOptions(options as unknown as LimiterOptions)).toMatchObject({ connectionsPerOrg: 3 })
    }
  })
})

function attach(...told: unknown[]): () => void {
  const limiter = createLimiter()
  onTestFinished(() => limiter.drain({ withinMs: 0 }))
  return () => (limiter.attach as (...told: unknown[]) => void).apply(limiter, told)
}
const both = () => [createServer(), new WebSocketServer({ noServer: true })] as const
const identify = () => ({ identified: false, code: 'UNAUTHENTICATED' }) as const

describe('attach', () => {
  test('without what it needs, or in another order, says what it takes', () => {
    const [server, wss] = both()
    const advice =
      'attach takes the HTTP server, a WebSocketServer made with { noServer: true }, and options with `identify`, in this order'
    for (const told of [[], [server], [server, wss], [server, wss, null], [wss, server, { identify }], [{}, {}, {}]]) {
      expect(attach(...told)).toThrow(misuse('INVALID_SETTINGS', advice))
    }
  })

  test.each([
    [{}, 'INVALID_SETTINGS', 'identify is needed: a function that says who asks'],
    [{ identify: 'key' }, 'INVALID_SETTINGS', 'identify is a function, not "key"'],
    [{ trustProxies: '::1' }, 'INVALID_SETTINGS', 'trustProxies is not an option; did you mean trustedProxies?'],
    [{ perKey: 3 }, 'INVALID_SETTINGS', 'perKey is not an option; did you mean rates.perKey?'],
    [{ rates: { address: 3 } }, 'INVALID_SETTINGS', 'rates.address is not an option; did you mean rates.perAddress?'],
    [{ rates: { perAddress: -1 } }, 'INVALID_LIMIT', 'rates.perAddress is a whole number from 0, or Infinity, not -1'],
  ])('with %o', (options, code, message) => {
    const needed = 'trustProxies' in options || 'perKey' in options || 'rates' in options ? { identify } : {}
    expect(attach(...both(), { ...needed, ...options } as AttachOptions)).toThrow(misuse(code, message))
  })
})

describe('attach takes what its type has, and nothing else that a gate is made of:', () => {
  test.each([
    ['maxPendingUpgrades', 5],
    ['closeTimeoutMs', 50],
    ['mayStay', () => true],
    ['admitter', {}],
    ['sockets', {}],
    ['clock', {}],
    ['random', () => 0],
  ])('%s is not an option', (name, value) => {
    const attached = attach(...both(), { identify, [name]: value } as AttachOptions)
    expect(attached).toThrow(misuse('INVALID_SETTINGS', expect.stringContaining(`${name} is not an option`)))
  })

  test('and does not have for which it has no option', () => {
    attach(...both(), { identify, closeTimeoutMs: undefined } as AttachOptions)()
  })
})

test('admit without a request says how it is asked', async () => {
  const limiter = createLimiter()
  onTestFinished(() => limiter.drain({ withinMs: 0 }))
  const admit = limiter.admit.bind(limiter) as (request?: unknown) => Promise<unknown>
  for (const request of [undefined, null, 'acme']) {
    const asked = admit(request)
    await expect(asked).rejects.toThrow(UsageError)
    await expect(asked).rejects.toThrow("admit takes a request that names the org: admit({ org: 'acme' })")
  }
})

test('null in a request is absent, as headers and columns have it that say nothing', async () => {
  const tiers = { free: 1, paid: 5 }
  const limiter = createLimiter({
    limits: { org: 3, tiers, tierOf: () => null as never, instance: true, gateway: 1, address: 1 },
  })
  onTestFinished(() => limiter.drain({ withinMs: 0 }))
  const takesOver: boolean[] = []
  limiter.on('admission.decided', (decided) => takesOver.push(decided.takesOver))
  const nobody = {
    ...{ gateway: null, instance: null, address: null, tier: null, resumeToken: null, replaces: null, priority: null },
  }
  const admitted = { admitted: true, maxAllowed: 3, replaces: undefined }
  for (const _ of [1, 2]) expect(await limiter.admit({ org: 'acme', ...nobody } as never)).toMatchObject(admitted)
  const { connections } = await limiter.holders('acme')
  for (const name of Object.keys(nobody)) for (const each of connections) expect(each).not.toHaveProperty(name)
  expect(takesOver).toEqual([false, false])
  expect(await limiter.orgStats('acme', { tier: null as never })).toMatchObject({ currentCount: 2, maxAllowed: 3 })
  expect(await limiter.orgLimits('acme')).toMatchObject({ limitFrom: 'default', tier: undefined })
})

test('a tierOf that answers with a promise is misuse, and one that rejects harms nobody', async () => {
  const unheard = unhandledRejections()
  for (const tierOf of [async () => 'paid', async () => Promise.reject(new Error('away'))]) {
    const limiter = createLimiter({ limits: { tierOf: tierOf as never } })
    onTestFinished(() => limiter.drain({ withinMs: 0 }))
    const told = misuse('INVALID_SETTINGS', 'limits.tierOf answers at once, with no promise')
    await expect(limiter.orgStats('acme')).rejects.toEqual(told)
    await expect(limiter.orgLimits('acme')).rejects.toEqual(told)
  }
  await new Promise(setImmediate)
  expect(unheard).toEqual([])
})

describe('a limiter with the embedded store', () => {
  test('admits who asks in the very turn in which it was made, and limits them', async () => {
    const limiter = createLimiter({ limits: { org: 1 } })
    onTestFinished(() => limiter.drain({ withinMs: 0 }))
    expect(limiter.phase).toBe('starting')
    const [first, second] = await Promise.all([limiter.admit({ org: 'acme' }), limiter.admit({ org: 'acme' })])
    expect(first).toMatchObject({ admitted: true, currentCount: 1, maxAllowed: 1 })
    expect(second).toMatchObject({ admitted: false, code: 'ORG_CONNECTION_LIMIT_EXCEEDED' })
  })

  test('can accept from the first moment on', async () => {
    const limiter = createLimiter()
    onTestFinished(() => limiter.drain({ withinMs: 0 }))
    expect(await limiter.canAccept('acme')).toBe(true)
  })

  test('refuses who asks before a stop that comes before the start is over', async () => {
    const limiter = createLimiter()
    const asked = limiter.admit({ org: 'acme' })
    limiter.quiet()
    expect(await asked).toMatchObject({ admitted: false, code: 'DRAINING' })
    await limiter.drain({ withinMs: 0 })
  })
})

test('with a Redis that is away, who asks at the start is still refused at once', async () => {
  const limiter = createLimiter({ redis: 'redis://127.0.0.1:1' })
  onTestFinished(() => limiter.drain({ withinMs: 0 }))
  expect(await limiter.admit({ org: 'acme' })).toMatchObject({ admitted: false, code: 'STARTING' })
})
