import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TlsOptions } from 'node:tls'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { RedisStore } from '../../src/store/redis/store.js'
import { type Certificates, makeCertificates } from '../support/certificates.js'
import { startFakeSentinel } from '../support/fake-sentinel.js'
import { leakGate } from '../support/leak-gate.js'
import { listedOrgs } from '../support/listed-orgs.js'
import { temporaryDirectory } from '../support/owned-process.js'
import { freePort } from '../support/ports.js'
import { startLocalRedis, type TestRedis } from '../support/redis.js'
import { makeLeastUser } from '../support/redis-rights.js'
import { type RedisBenchOptions, redisBench, TIMING } from '../support/store-bench.js'
import { claim, StoreNode } from '../support/store-node.js'
import { contractSuite } from './suite.js'

/** One Redis with a door of each kind: open for the tests, TLS that asks for certificates, a socket. */
let redis: TestRedis
let certificates: Certificates
let tlsPort: number
let socket: string

beforeAll(async () => {
  certificates = makeCertificates()
  tlsPort = await freePort()
  socket = join(temporaryDirectory(), 'redis.sock')
  const { ca, server } = certificates
  redis = await startLocalRedis({
    args: [
      ...['--tls-port', `${tlsPort}`, '--tls-ca-cert-file', ca],
      ...['--tls-cert-file', server.cert, '--tls-key-file', server.key, '--unixsocket', socket],
    ],
  })
})
afterAll(() => redis.stop())

interface TlsChoice {
  readonly host?: string
  readonly login?: string
  readonly without?: readonly ('ca' | 'cert' | 'key')[]
  readonly more?: string
}

function tlsUrl({ host = '127.0.0.1', login = '', without = [], more = '' }: TlsChoice = {}): string {
  return `rediss://${login}${host}:${tlsPort}?${tlsOptions(without)}${more}`
}

function tlsOptions(without: TlsChoice['without'] = []): string {
  const options = Object.entries({ ca: certificates.ca, ...certificates.client })
    .filter(([name]) => !(without as string[]).includes(name))
    .map(([name, path]) => `${name}=${encodeURIComponent(path)}`)
  return options.join('&')
}

/** A user who may use what docs/redis.md says. The bench reads its time from a list, where the store asks for TIME. */
async function leastOverTls(bench: RedisBenchOptions = {}) {
  const more = bench.realTime ? [] : ['+lrange']
  return redisBench({
    ...{ ...bench, url: redis.url },
    async storeUrl(admin, prefix) {
      await makeLeastUser(admin, prefix, more)
      return tlsUrl({ login: 'least:geheim@' })
    },
  })
}

contractSuite('RedisStore over TLS, with the least rights', leastOverTls)
contractSuite('RedisStore over a socket', (options) =>
  redisBench({ ...options, url: redis.url, storeUrl: async () => `redis+unix://${socket}?db=0` }),
)

function storeAt(url: string): RedisStore {
  const store = new RedisStore({ url, timing: TIMING, clock: systemClock, keyPrefix: 'hc:1:' })
  onTestFinished(() => store.close())
  return store
}

describe('the least rights', () => {
  leakGate()

  test('do for a whole life, with the time of Redis itself', async () => {
    const bench = await leastOverTls({ realTime: true })
    onTestFinished(() => bench.close())
    const node = await StoreNode.join(bench)
    await node.acquire(claim('a', 'acme', 1))
    await node.renew()
    expect(await bench.store.inspector.countOrgs(['acme'])).toMatchObject([{ count: 1 }])
    expect(await listedOrgs(bench.store.inspector)).toEqual(new Set(['acme']))
    expect(await bench.store.inspector.holders('acme', 1)).toHaveLength(1)
    await node.release(claim('a', 'acme', 1))
    await node.leave()
  })

  test('control: without one of them hello is refused, and the cause says what to do', async () => {
    const bench = await redisBench({
      url: redis.url,
      realTime: true,
      async storeUrl(admin, prefix) {
        await makeLeastUser(admin, prefix, ['-zadd'])
        return tlsUrl({ login: 'least:geheim@' })
      },
    })
    onTestFinished(() => bench.close())
    await expect(StoreNode.join(bench)).rejects.toThrow(/the user lacks rights: docs\/redis\.md/)
  })

  test('end with our keys', async () => {
    const bench = await leastOverTls({ realTime: true })
    onTestFinished(() => bench.close())
    const elsewhere = storeAt(tlsUrl({ login: 'least:geheim@' }))
    await expect(elsewhere.inspector.countOrgs(['acme'])).rejects.toThrow(/NOPERM/)
  })
})

describe('a door that stays shut says why', () => {
  leakGate()

  let locked: TestRedis

  beforeAll(async () => {
    locked = await startLocalRedis({ args: ['--requirepass', 'geheim'] })
  })
  afterAll(() => locked.stop())

  test.each<[string, () => string, RegExp]>([
    ['an authority nobody trusts', () => tlsUrl({ without: ['ca'] }), /certificate.*the options ca, cert/s],
    ['another name', () => tlsUrl({ more: '&servername=else.where' }), /altnames.*the options ca, cert/s],
    ['no certificate of its own', () => tlsUrl({ without: ['cert', 'key'] }), /certificate required|alert|closed/],
    ['no TLS', () => `redis://127.0.0.1:${tlsPort}`, /./],
    ['a wrong password', () => tlsUrl({ login: 'nobody:geheim@' }), /WRONGPASS.*do not let in/],
    ['no password', () => locked.url, /unauthenticated.*do not let in/],
    ['a database that is none', () => `${redis.url}/99`, /DB index.*no database of that number/],
    ['a socket that is none', () => 'redis+unix:///nowhere/redis.sock', /ENOENT/],
  ])('%s', async (_, url, cause) => {
    const store = storeAt(url())
    const connected = await store.connect()
    // With TLS 1.3 a client learns only after the handshake that its certificate was missed.
    const reply =
      connected.status === 'ok'
        ? await connected.value.hello({
            lease: 7,
            generation: 1,
            proposedEpoch: 'e',
            proposedSecret: 's',
            reasserting: false,
            nodeInfo: '',
          })
        : connected
    expect(reply).toEqual({ status: 'unanswered', cause: expect.stringMatching(cause) })
    expect(JSON.stringify(reply)).not.toContain('geheim')
    expect(store.description).not.toMatch(/geheim|\?/)
  })

  test('control: another name is welcome where the certificate has it', async () => {
    const connected = await storeAt(tlsUrl({ more: '&servername=redis.test' })).connect()
    expect(connected.status).toBe('ok')
  })
})

describe('sentinels behind TLS', () => {
  leakGate()

  test('are asked over it, and so is the primary that they name', async () => {
    const { ca, server } = certificates
    const [cert, key, authority] = [server.cert, server.key, ca].map((path) => readFileSync(path))
    const tls = { cert, key, ca: authority, requestCert: true, rejectUnauthorized: true } as TlsOptions
    const sentinel = await startFakeSentinel({ port: tlsPort, configEpoch: 1 }, tls)
    onTestFinished(() => sentinel.stop())
    const url = `rediss+sentinel://127.0.0.1:${sentinel.port}/m`
    expect(await storeAt(`${url}?${tlsOptions()}`).inspector.nodes()).toEqual([])
    // The control: who is not trusted, or does not trust, is not answered.
    await expect(storeAt(`${url}?${tlsOptions(['ca'])}`).inspector.nodes()).rejects.toThrow(/certificate/)
    await expect(storeAt(`${url}?${tlsOptions(['cert', 'key'])}`).inspector.nodes()).rejects.toThrow(
      /no sentinel names/,
    )
    await expect(storeAt(url.replace('rediss', 'redis')).inspector.nodes()).rejects.toThrow(/no sentinel names/)
  })
})
