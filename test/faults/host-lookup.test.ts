import dns, { type LookupAddress } from 'node:dns'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { type Clock, systemClock } from '../../src/core/clock.js'
import { HttpCaller } from '../../src/outbound/http-caller.js'
import { openClient } from '../../src/store/redis/client.js'
import { leakGate } from '../support/leak-gate.js'
import { ManualClock } from '../support/manual-clock.js'
import { startPlatform } from '../support/platform.js'
import { sharedRedisUrl } from '../support/redis.js'
import { startSilentPort } from '../support/silent-port.js'
import { until } from '../support/until.js'

leakGate()

type Told = (error: Error | null, addresses?: LookupAddress[]) => void

const HERE = [{ address: '127.0.0.1', family: 4 }]
const PORT = Number(new URL(sharedRedisUrl()).port || 6379)
/** Look-ups that have no answer yet: as the system's where the name servers are silent. */
let asked: { readonly host: string; readonly told: Told }[]

beforeEach(() => {
  const { lookup } = dns
  asked = []
  dns.lookup = ((host: string, options: object, told: Told) => {
    if (host.endsWith('.test')) asked.push({ host, told })
    else lookup(host, options, told as never)
  }) as never
  onTestFinished(() => {
    dns.lookup = lookup
  })
})

const dial = (host: string, withinMs = 20, clock: Clock = systemClock) =>
  openClient({ host, port: PORT }, { clock, withinMs, over: new AbortController().signal })

/** What was dialed is a Redis; lets go of it. */
async function expectRedis(dialing: ReturnType<typeof dial>): Promise<void> {
  const redis = await dialing
  expect(await redis.ping()).toBe('PONG')
  redis.disconnect()
  await until(() => redis.status === 'end')
}

const answer = (...how: Parameters<Told>) => {
  for (const { told } of asked.splice(0)) told(...how)
}

test('R2: attempts that are given up while the name servers are silent leave few look-ups of a name behind', async () => {
  for (let n = 0; n < 40; n++) {
    await expect(dial('redis.test')).rejects.toThrow('no connection within 20 ms')
  }
  await Promise.allSettled(Array.from({ length: 20 }, () => dial('other.test')))
  // One, and a second or third where this machine takes seconds for it.
  for (const name of ['redis.test', 'other.test']) {
    const count = asked.filter(({ host }) => host === name).length
    expect([1, 2, 3]).toContain(count)
  }
  answer(null, HERE)
  const dialing = dial('redis.test', 5_000)
  await until(() => asked.length === 1)
  answer(null, HERE)
  await expectRedis(dialing)
})

test('R2: one look-up that lost its question holds up nobody for longer than a second', async () => {
  const dialing = dial('redis.test', 5_000)
  await until(() => asked.length === 1)
  const lost = asked.shift()!
  await until(
    async () => {
      await dial('redis.test').catch(() => {})
      return asked.length === 1
    },
    { what: 'another look-up' },
  )
  // Of several none tells that it has failed while another may yet answer.
  lost.told(Object.assign(new Error('getaddrinfo EAI_AGAIN redis.test'), { code: 'EAI_AGAIN' }))
  answer(null, HERE)
  await expectRedis(dialing)
})

test('who joins a look-up is told the same, and nobody who comes later is', async () => {
  const dialing = Promise.allSettled([dial('redis.test', 5_000), dial('redis.test', 5_000)])
  await until(() => asked.length > 0)
  answer(Object.assign(new Error('getaddrinfo ENOTFOUND redis.test'), { code: 'ENOTFOUND' }))
  for (const one of await dialing) expect(one).toMatchObject({ reason: { message: /ENOTFOUND/ } })
  await expect(dial('redis.test')).rejects.toThrow('no connection within 20 ms')
  expect(asked).toHaveLength(1)
})

/** As where one of two zones is cut off, or a name has an address of IPv6 and there is no such network. */
test('R2: where the first of two addresses is silent, the second is reached within the deadline of a call', async () => {
  await startSilentPort('127.0.0.9', PORT)
  const tookMs: number[] = []
  for (let n = 0; n < 8; n++) {
    // The deadline itself never comes: how long a busy machine takes for the rest says nothing of the addresses.
    const dialing = dial('zones.test', 250, new ManualClock())
    await until(() => asked.length === 1)
    const sinceMs = systemClock.monotonicMs()
    answer(null, [{ address: '127.0.0.9', family: 4 }, ...HERE])
    await dialing
    tookMs.push(systemClock.monotonicMs() - sinceMs)
    await expectRedis(dialing)
  }
  expect(Math.min(...tookMs)).toBeLessThan(200)
})

/** Node closes an attempt before it makes the next: what is far away is not to be given up for one that is silent. */
test('R2: who has more time gives each address more of it, as a Redis that is far away needs', async () => {
  await startSilentPort('127.0.0.9', PORT)
  const dialing = dial('zones.test', 5_000)
  await until(() => asked.length === 1)
  const sinceMs = systemClock.monotonicMs()
  answer(null, [{ address: '127.0.0.9', family: 4 }, ...HERE])
  await expectRedis(dialing)
  expect(systemClock.monotonicMs() - sinceMs).toBeGreaterThan(200)
})

test('the same holds for calls to the HTTP servers of others', async () => {
  const platform = await startPlatform(() => ({ status: 200, body: 'here' }))
  const url = platform.url.replace('127.0.0.1', 'platform.test')
  const call = async (timeoutMs: number) => {
    const caller = new HttpCaller({ url, clock: systemClock, timeoutMs, maxSockets: 8 })
    const told = await caller.call({ method: 'GET' })
    caller.close()
    return told
  }
  for (let n = 0; n < 20; n++) expect(await call(20)).toMatchObject({ answered: false })
  expect([1, 2, 3]).toContain(asked.length)
  const calling = call(5_000)
  answer(null, HERE)
  expect(await calling).toEqual({ answered: true, status: 200, body: 'here' })
})
