import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Fleet, MORTAL, startFleet } from '../support/fleet.js'
import { type Accepted, connectGateway, type Refused } from '../support/gateways.js'
import { operate, type Told } from '../support/operator.js'
import { temporaryDirectory } from '../support/owned-process.js'
import { freePort, spawnNode } from '../support/processes.js'
import { until } from '../support/until.js'

let fleet: Fleet
let held: readonly Accepted[]
let refused: Refused

/** One org that is full, one refusal of it at the second node, and the ids that go with them. */
beforeAll(async () => {
  fleet = await startFleet({ count: 2, env: MORTAL })
  const open = (node: number) => connectGateway(fleet.urls[node]!, { key: fleet.keyOf('acme') })
  held = [await open(0), await open(1), await open(1)] as Accepted[]
  refused = (await open(1)) as Refused
  expect(refused).toMatchObject({ accepted: false, status: 429 })
  await until(
    async () => (await fleet.nodes[0]!.admin<{ refusals: unknown[] }>('/admin/v1/refusals')).refusals.length > 0,
  )
}, 60_000)

afterAll(async () => {
  for (const one of held) one.terminate()
  await fleet.stop()
})

function envOf(node: number): Record<string, string> {
  const { adminUrl, adminToken } = fleet.nodes[node]!
  return { HEADCOUNT_ADMIN_URL: adminUrl, ADMIN_TOKEN: adminToken }
}

const ask = (...args: string[]): Promise<Told> => operate(args, envOf(0))
const read = (...args: string[]): Promise<Told> =>
  operate([...args, '--redis', fleet.redis.url, '--key-prefix', fleet.books.prefix])

describe('why somebody was refused', () => {
  test('in words, with who held the slots then, whichever node is asked, and from Redis', async () => {
    const instance = String(refused.body.instance)
    for (const told of [await ask('why', instance), await read('why', instance)]) {
      expect(told.code).toBe(0)
      expect(told.lines[0]).toBe(
        'refused: 429 ORG_CONNECTION_LIMIT_EXCEEDED: The organization holds all the connections it may',
      )
      expect(told.stdout).toMatch(/when {4}\S+Z, [\d.]+ \w+ ago, by node-2/)
      expect(told.stdout).toContain('  who     gateway-0 of acme from 127.0.0.1')
      expect(told.stdout).toContain('  held    3 of 3 at that moment')
      expect(told.stdout).toContain(
        `to come back after ${refused.body.retryAfterSeconds ?? refused.headers['retry-after']} s`,
      )
      expect(told.stdout).toContain('headcount limit set acme N --for 1h')
      for (const { ack } of held) expect(told.stdout).toMatch(new RegExp(`^${ack.connectionId} .*node-[12] `, 'm'))
    }
  })

  test('the last refusals, of one org too', async () => {
    for (const told of [await ask('refusals'), await read('refusals'), await ask('refusals', '--org', 'acme')]) {
      expect(told.lines[0]).toMatch(/^AGO +CODE +COUNT +ADDRESS +NODE +ID +ORG$/)
      expect(told.lines[1]).toMatch(/ORG_CONNECTION_LIMIT_EXCEEDED +3 of 3 +127.0.0.1 +node-2 +[\w-]{36} +acme$/)
    }
    expect((await ask('refusals', '--org', 'globex')).lines).toEqual(['nobody was refused or closed'])
    const json = JSON.parse((await ask('refusals', '--json')).stdout)
    expect(json.refusals[0]).toMatchObject({ kind: 'refused', orgId: 'acme', currentCount: 3, maxAllowed: 3 })
  })

  test('from Redis, notes that somebody else wrote are passed over, as by a node', async () => {
    const { redis, keys } = fleet.books
    const note = { at: new Date().toISOString(), kind: 'refused', code: 'EVICTED', node: 'odd' }
    for (const text of ['7', '{', JSON.stringify({ ...note, holders: 7 })]) {
      const id = await redis.xadd(keys.journal.entries, '*', 'note', text)
      onTestFinished(async () => void (await redis.xdel(keys.journal.entries, id!)))
    }
    for (const told of [await ask('refusals', '--json'), await read('refusals', '--json')]) {
      const { refusals } = JSON.parse(told.stdout) as { refusals: { node: string }[] }
      expect(refusals.map(({ node }) => node)).toEqual(['node-2'])
    }
  })

  test('an id that nobody remembers', async () => {
    const { code, stdout, stderr } = await ask('why', 'nonsense\u001b[2J')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('there is no nonsense\\u{1b}[2J among the last refusals')
  })
})

test('top shows nodes, orgs and refusals, and ends on Ctrl-C', async () => {
  const top = await spawnNode('dist/cli/main.js', ['top', '--watch', '0.1'], envOf(0))
  onTestFinished(() => top.kill())
  await until(() => top.stdout().split('connections, ').length > 2, { withinMs: 20_000 })
  top.signal('SIGTERM')
  expect((await top.exited).code).toBe(0)
  expect(top.stdout()).toMatch(/^3 connections, 2 nodes, 1 org /)
  expect(top.stdout(), 'in the order of their names').toMatch(/ node-1\n.* node-2\n/)
  for (const words of ['100%', 'ORG_CONNECTION_LIMIT_EXCEEDED']) expect(top.stdout()).toContain(words)
})

describe('check, as monitoring systems understand it', () => {
  test.each([
    [[], 0, /^HEADCOUNT OK - 2 nodes hold 3 connections \| nodes=2 connections=3 fullest=100%;;$/],
    [['-w', '90%'], 1, /^HEADCOUNT WARNING - acme holds 100% of its limit \| .*fullest=100%;90;$/],
    [['-w', '80', '-c', '100'], 2, /^HEADCOUNT CRITICAL - acme holds 100%/],
    [['--nodes', '3'], 2, /^HEADCOUNT CRITICAL - 2 nodes of at least 3/],
  ])('%j: %i', async (args, code, line) => {
    const told = await ask('check', ...args)
    expect(told).toMatchObject({ code, stderr: '', lines: [expect.stringMatching(line)] })
    expect(JSON.parse((await ask('check', ...args, '--json')).stdout).state).toBe(line.source.split(' ')[1])
  })

  test('nobody there is critical, a wrong token or option unknown', async () => {
    const gone = await operate(['check', '--admin', `http://127.0.0.1:${await freePort()}`])
    expect(gone).toMatchObject({ code: 2, stdout: expect.stringMatching(/^HEADCOUNT CRITICAL - cannot reach/) })
    const locked = await operate(['check'], { ...envOf(0), ADMIN_TOKEN: 'wrong' })
    expect(locked).toMatchObject({ code: 3, stdout: expect.stringMatching(/^HEADCOUNT UNKNOWN - /) })
    expect((await operate(['check', '-w', 'much'])).code).toBe(3)
  })

  test('Redis, which knows no limit of a node, calls none of them held by 0 %', async () => {
    const told = await read('check')
    expect(told).toMatchObject({ code: 0, lines: [expect.stringMatching(/\| nodes=2 connections=3 fullest=U;;$/)] })
    expect(JSON.parse((await read('check', '--json')).stdout)).toMatchObject({ state: 'OK', fullestPercent: null })
    for (const level of ['-w', '-c']) {
      const refused = await read('check', level, '80')
      expect(refused).toMatchObject({ code: 3, lines: [expect.stringMatching(/^HEADCOUNT UNKNOWN - .*ask a node/)] })
    }
  })
})

describe('config', () => {
  test('show --origin says where each setting comes from, and shows no secret', async () => {
    const path = join(temporaryDirectory(), 'config.json')
    writeFileSync(path, JSON.stringify({ WS_MAX_CONNECTIONS: 7 }))
    const env = {
      ...{ HEADCOUNT_CONFIG: path, PORT: '9090', ADMIN_TOKEN: 'geheim', REDIS_URL: 'redis://u:geheim@h' },
      HEADCOUNT_WEBHOOK_URL: 'https://hooks.example:8443/services/T0/geheim',
      HEADCOUNT_JWKS_URL: 'https://issuer.example?key=geheim',
      HEADCOUNT_AUTH_CALLBACK_URL: 'https://u:geheim@platform.example/keys',
    }
    const { code, stdout, lines } = await operate(
      ['config', 'show', '--origin', '--', '--max-connections-per-org=5'],
      env,
    )
    expect(code).toBe(0)
    expect(stdout).not.toContain('geheim')
    expect(lines).toEqual(
      expect.arrayContaining([
        'PORT=9090  # environment',
        `WS_MAX_CONNECTIONS=7  # file ${path}`,
        'WS_MAX_CONNECTIONS_PER_ORG=5  # flag',
        'HEADCOUNT_LEASE_TTL=15s  # default',
        'ADMIN_TOKEN=(set, not shown)  # environment',
        'REDIS_URL=(set, not shown)  # environment',
        'HEADCOUNT_WEBHOOK_URL=https://hooks.example:8443/…  # environment',
        'HEADCOUNT_JWKS_URL=https://issuer.example/…  # environment',
        'HEADCOUNT_AUTH_CALLBACK_URL=(set, not shown)  # environment',
        'HEADCOUNT_NODE_NAME=  # default: hostname#random',
      ]),
    )
    const json = JSON.parse((await operate(['config', 'show', '--json'], env)).stdout)
    expect(json.settings).toContainEqual({ name: 'PORT', value: '9090', origin: 'environment' })
  })

  test('show says what it could not read, and shows the rest', async () => {
    const path = join(temporaryDirectory(), 'config.json')
    writeFileSync(path, JSON.stringify({ WS_MAX_CONNECTIONS: 7, COFFEE: 'geheim', PORT: null }))
    const argv = ['config', 'show', '--', '--config', path, '--prot=geheim', '--admin-port=9091']
    const { code, stdout, stderr, lines } = await operate(argv)
    expect(code).toBe(78)
    expect(lines).toEqual(expect.arrayContaining(['WS_MAX_CONNECTIONS=7', 'ADMIN_PORT=9091', 'PORT=8080']))
    expect(stderr.trim().split('\n')).toEqual([
      'wrong: --prot is not a flag; did you mean --port?',
      `wrong: COFFEE in ${path} is not a setting; \`headcount config doc\` lists them.`,
      `wrong: PORT in ${path} must be a text, a number, true or false.`,
    ])
    expect(stdout + stderr).not.toContain('geheim')
    const missing = await operate(['config', 'show', '--json'], { HEADCOUNT_CONFIG: '/nowhere/config.json' })
    expect(missing).toMatchObject({ code: 78, stderr: expect.stringContaining('cannot be used: ENOENT') })
    expect(JSON.parse(missing.stdout).settings).toContainEqual({ name: 'PORT', value: '8080', origin: 'default' })
  })

  test('check answers as the node would', async () => {
    expect(await operate(['config', 'check'])).toMatchObject({ code: 0 })
    for (const flags of [
      ['--lease-ttl', '5'],
      ['--', '--lease-ttl=5'],
    ]) {
      const wrong = await operate(['config', 'check', ...flags], { HEADCOUNT_LEASE_TLL: '5s' })
      expect(wrong).toMatchObject({ code: 78, stderr: '' })
      expect(wrong.stdout).toContain('wrong: HEADCOUNT_LEASE_TTL on the command line is "5"')
      expect(wrong.stdout).toContain('did you mean HEADCOUNT_LEASE_TTL?')
    }
    expect((await operate(['config', 'check', '--prot', '1'])).stdout).toContain('--prot is not a flag')
  })

  test('show takes its own options before and after the flags of a node', async () => {
    const { code, lines } = await operate(['config', 'show', '--port', '9090', '--json', '--admin-port=9091'])
    expect({ code, lines: lines.length }).toEqual({ code: 0, lines: 1 })
    const { settings } = JSON.parse(lines[0]!)
    expect(settings).toContainEqual({ name: 'PORT', value: '9090', origin: 'flag' })
    expect(settings).toContainEqual({ name: 'ADMIN_PORT', value: '9091', origin: 'flag' })
  })

  test('doc has every setting', async () => {
    expect((await operate(['config', 'doc'])).stdout).toContain('--lease-ttl, HEADCOUNT_LEASE_TTL (15s)')
  })
})

test('check sees that a node no longer renews its lease, or no longer reaches Redis', async () => {
  fleet.nodes[1]!.kill('SIGKILL')
  await until(async () => (await ask('check', '--nodes', '2')).code === 2, { withinMs: 30_000 })
  await fleet.redis.pause()
  const told = await ask('check')
  await fleet.redis.resume()
  expect(told).toMatchObject({ code: 2, stdout: expect.stringContaining('the store did not answer') })
}, 60_000)

test('Redis itself says that every node is dead, although no renewal moves its clock any more', async () => {
  fleet.nodes[0]!.kill('SIGKILL')
  const told = await until(
    async () => {
      const each = await read('check')
      return each.code === 2 ? each : undefined
    },
    { withinMs: 30_000 },
  )
  expect(told.lines[0]).toMatch(/^HEADCOUNT CRITICAL - 0 nodes of at least 1; \d leases? ha(s|ve) lapsed \|/)
  expect((await read('nodes')).lines[1]).toMatch(/ has lapsed .*node-\d$/)
}, 60_000)
