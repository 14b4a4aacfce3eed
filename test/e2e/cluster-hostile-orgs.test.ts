import { writeFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Fleet, setLimit, startFleet, writeKeys } from '../support/fleet.js'
import { connectGateway } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import { OpenConnections, untilBooksAgree } from '../support/open-connections.js'
import { type ServerProcess, spawnServer } from '../support/processes.js'
import { playRounds } from '../support/rounds.js'

/** Ids that are glued into key names, patterns, paths and Lua arguments by a careless program. */
const ORGS = [
  ...['{0}', '}{', 'a}:admission', '{0}:admission', 'org:acme', 'conns:1', 'acme', 'acme:', ':acme', 'ACME', 'acme '],
  ...['x\r\nSET pwned 1\r\n', '\n', '\0', 'acme\0', 'acme\0globex', '\u2028', '\ufeffacme', '\u202eemca'],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'null', 'undefined', '0', '-1', '1e3', 'NaN'],
  ...['🦄', '👩‍👩‍👧', 'e\u0301', '\u00e9', '🦄'.repeat(128), 'x'.repeat(256), `${'x'.repeat(255)}y`],
  ...['*', '[a-z]', '?', 'a/b', 'a%2Fb', '%', '100%', '%00', '%E0%A4', '?limit=9#x', '"\'\\', '<b>', '$1', ' '],
]
const limitOf = (org: string) => 1 + (ORGS.indexOf(org) % 4)

describe('S5: org ids that are hostile are exact like any other', () => {
  let fleet: Fleet

  beforeAll(async () => {
    fleet = await startFleet({ orgs: ORGS })
    await Promise.all(ORGS.map((org, i) => setLimit(fleet.nodes[i % 3]!, org, limitOf(org))))
  })
  afterAll(() => fleet?.stop())
  leakGate({ prefix: () => fleet.books.keys.admission.replace(/admission$/, ''), redisUrl: () => fleet.redis.url })

  const admin = <T>(org: string, path = '') =>
    fleet.nodes[0]!.admin<T>(`/admin/v1/orgs/${encodeURIComponent(org)}${path}`)

  test('all at once, each with a limit of its own set by the admin API', async () => {
    const contenders = ORGS.map((org) => ({ org, key: fleet.keyOf(org), limit: limitOf(org), attempts: 8 }))
    const report = await playRounds({ urls: fleet.urls, books: fleet.books, contenders, rounds: 3 })
    expect(ORGS.map((org) => report.highestInRedis.get(org))).toEqual(ORGS.map(limitOf))
  })

  test('the admin API shows each under its own name, and Redis has a set for each and no stranger', async () => {
    const clients = new OpenConnections()
    for (const org of ORGS) {
      const result = await connectGateway(fleet.urls[0]!, { key: fleet.keyOf(org) })
      if (!result.accepted) throw new Error(`${JSON.stringify(org)} was refused: ${JSON.stringify(result.body)}`)
      clients.add(org, result)
    }
    await untilBooksAgree(fleet.books, clients)
    for (const org of ORGS) {
      const limit = limitOf(org)
      const shown = { orgId: org, currentCount: 1, maxAllowed: limit, limitFrom: 'override', override: { limit } }
      expect(await admin(org)).toMatchObject(shown)
      const { connections } = await admin<{ connections: { connectionId: string }[] }>(org, '/connections')
      expect(connections.map(({ connectionId }) => connectionId)).toEqual(clients.ids(org))
    }
    expect(await listed()).toEqual([...ORGS].sort())
    const lease = await fleet.books.leaseOf('node-1')
    const tables = ['admission', 'leases', 'meta', 'nodes', `conns:${lease}`]
    // What the limits that were set and the refusals of the test before have left.
    const told = ['overrides', 'override-versions', 'refusals', 'totals']
    const expected = [...tables, ...told, ...ORGS.map((org) => `org:${org}`)].map((name) => `{0}:${name}`).sort()
    // `late` is there for as long as a node has missed a beat, as it may on a busy machine, `probes` from a refusal to the
    // next renewals of who holds the slots, and the third where one of the orgs was refused often enough.
    const passing = ['{0}:late', '{0}:probes', '{0}:refusals-of-storms']
    expect((await fleet.books.names()).filter((name) => !passing.includes(name))).toEqual(expected)
    await clients.closeAll()
    await untilBooksAgree(fleet.books, clients)
  })

  async function listed(): Promise<string[]> {
    const all = new Set<string>()
    let cursor: string | null = '0'
    while (cursor !== null) {
      const path: string = `/admin/v1/orgs?cursor=${cursor}`
      const page = await fleet.nodes[0]!.admin<{ orgs: { orgId: string }[]; nextCursor: string | null }>(path)
      for (const { orgId } of page.orgs) all.add(orgId)
      cursor = page.nextCursor
    }
    return [...all].sort()
  }
})

describe('org ids that cannot be exact are refused at the key file', () => {
  leakGate()
  let server: ServerProcess | undefined
  afterEach(() => server?.stop())

  test.each([
    ['empty', '', 'must not be empty'],
    ['257 characters', 'x'.repeat(257), 'must have at most 256 characters, it has 257'],
    ['a lone surrogate', 'acme\ud800', 'must not contain a lone surrogate'],
  ])('%s', async (_, org, message) => {
    const keysFile = writeKeys(['acme', org])
    server = await spawnServer({ env: { HEADCOUNT_KEYS_FILE: keysFile } })
    expect(await server.exited).toEqual({ code: 78, signal: null })
    expect(server.output()).toContain(`${keysFile}: keys[1].orgId ${message}`)
  })

  test('a number', async () => {
    const keysFile = writeKeys([])
    writeFileSync(keysFile, JSON.stringify({ keys: [{ key: 'k', orgId: 7, gatewayId: 'g' }] }))
    server = await spawnServer({ env: { HEADCOUNT_KEYS_FILE: keysFile } })
    expect(await server.exited).toEqual({ code: 78, signal: null })
    expect(server.output()).toContain('keys[0].orgId must be a text')
  })
})
