import { describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { RateMeter, type RateMeterOptions } from '../../src/gate/rate-meter.js'
import { type RateOptions, Rates } from '../../src/gate/rates.js'
import { CountingAdmitter } from '../support/counting-admitter.js'
import { allGone, startGate } from '../support/gate-server.js'
import { connectGateway } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import { until } from '../support/until.js'

leakGate()

function meter(options: RateMeterOptions): RateMeter {
  const made = new RateMeter(options)
  onTestFinished(() => made.stop())
  return made
}

function rates(options: Partial<RateOptions>): Rates {
  const made = new Rates(options, () => 0)
  onTestFinished(() => made.stop())
  return made
}

describe('a meter', () => {
  test('lets a name try so often in its window, and tells the truth about when it may try again', async () => {
    const one = meter({ most: 3, windowSeconds: 1 })
    const startMs = performance.now()
    const answers = await Promise.all(Array.from({ length: 5 }, () => one.count('acme')))
    expect(answers.slice(0, 3)).toEqual([undefined, undefined, undefined])
    const [first, second] = answers.slice(3) as [number, number]
    expect(second).toBeLessThanOrEqual(first)
    expect(first).toBeGreaterThan(0)
    expect(await one.count('globex')).toBeUndefined()
    await until(async () => (await one.count('acme')) === undefined)
    const tookMs = performance.now() - startMs
    // Attempts that are refused do not lengthen the window, and it did not end before it was said to.
    expect(tookMs).toBeGreaterThanOrEqual(first - 5)
  })
})

describe('rates', () => {
  const gateway = { org: 'acme', gateway: 'g' }

  test('one address alone cannot close the node to the others', async () => {
    const both = rates({ perAddress: 2, perNode: 4 })
    const codes = []
    for (const address of [...Array(10).fill('192.0.2.1'), '192.0.2.2', '192.0.2.3', '192.0.2.4']) {
      codes.push((await both.ofAttempt(address))?.code)
    }
    expect(codes).toEqual([
      ...[undefined, undefined, ...Array(8).fill('CONNECTION_RATE_LIMIT_EXCEEDED')],
      ...[undefined, undefined, 'NODE_CAPACITY_EXCEEDED'],
    ])
  })

  test.each([-1, 1.5, Number.NaN])('a rate of %s is refused as misuse', (perKey) => {
    expect(() => rates({ perKey })).toThrow(expect.objectContaining({ code: 'INVALID_LIMIT' }))
  })

  test('the addresses of one /64 count together', async () => {
    const one = rates({ perAddress: 1 })
    expect(await one.ofAttempt('2001:db8::1')).toBeUndefined()
    expect(await one.ofAttempt('2001:db8::2')).toMatchObject({ code: 'CONNECTION_RATE_LIMIT_EXCEEDED' })
    expect(await one.ofAttempt('2001:db8:0:1::1')).toBeUndefined()
    expect(await one.ofAttempt(undefined)).toBeUndefined()
  })

  test('a key counts by its name, else by its gateway', async () => {
    const one = rates({ perKey: 1 })
    expect(await one.ofKey({ ...gateway, keyId: 'k1' })).toBeUndefined()
    expect(await one.ofKey({ ...gateway, keyId: 'k2' })).toBeUndefined()
    expect(await one.ofKey(gateway)).toBeUndefined()
    expect(await one.ofKey({ ...gateway, org: 'globex' })).toBeUndefined()
    expect(await one.ofKey({ ...gateway, keyId: 'k1' })).toMatchObject({ code: 'CONNECTION_RATE_LIMIT_EXCEEDED' })
    expect(await one.ofKey(gateway)).toMatchObject({ code: 'CONNECTION_RATE_LIMIT_EXCEEDED' })
  })
})

describe('a gate with rates', () => {
  test('too many attempts of an address: 429 before it is asked who that is, with an honest Retry-After', async () => {
    const admitter = new CountingAdmitter({ limit: 100 })
    const asked: string[] = []
    const gate = await startGate(admitter, {
      rates: { perAddress: 2 },
      trustedProxies: '127.0.0.0/8',
      identify: ({ headers }) => {
        asked.push(String(headers['x-forwarded-for']))
        return { identified: true, identity: { org: 'acme', gateway: 'g' } }
      },
    })
    const come = (address: string) => connectGateway(gate.url, { headers: { 'x-forwarded-for': address } })
    const firstCameMs = systemClock.monotonicMs()
    const results = [await come('192.0.2.1'), await come('192.0.2.1'), await come('192.0.2.1'), await come('192.0.2.2')]
    const sinceFirstMs = systemClock.monotonicMs() - firstCameMs
    expect(results.map(({ accepted }) => accepted)).toEqual([true, true, false, true])
    const [, , refused] = results
    if (refused!.accepted) throw new Error('the third attempt was let in')
    expect(refused).toMatchObject({ status: 429, body: { code: 'CONNECTION_RATE_LIMIT_EXCEEDED', status: 429 } })
    // What is left of the minute that began with the first attempt, and at most a quarter of it, rounded up.
    const waitS = Number(refused!.headers['retry-after'])
    expect(waitS).toBeGreaterThanOrEqual(60 - sinceFirstMs / 1_000)
    expect(waitS).toBeLessThanOrEqual(75)
    expect(asked).toEqual(['192.0.2.1', '192.0.2.1', '192.0.2.2'])
    expect(admitter.requests.map(({ address }) => address)).toEqual(asked)
    for (const result of results) if (result.accepted) await result.close()
    await allGone(gate, admitter)
  })

  test('too many attempts with a key: 429 without asking for a slot; another key is let in', async () => {
    const admitter = new CountingAdmitter({ limit: 100 })
    const gate = await startGate(admitter, { rates: { perKey: 1 } })
    const first = await connectGateway(gate.url, { key: 'acme' })
    expect(await connectGateway(gate.url, { key: 'acme' })).toMatchObject({
      ...{ status: 429, body: { code: 'CONNECTION_RATE_LIMIT_EXCEEDED' } },
    })
    const other = await connectGateway(gate.url, { key: 'globex' })
    expect(admitter.requests).toHaveLength(2)
    for (const result of [first, other]) if (result.accepted) await result.close()
    await allGone(gate, admitter)
  })
})
