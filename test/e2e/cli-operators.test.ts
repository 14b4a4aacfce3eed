import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { version } from '../../src/core/version.js'
import { type Fleet, setNamelessTier, startFleet } from '../support/fleet.js'
import { type Accepted, connectGateway, type Refused } from '../support/gateways.js'
import { operate, type Told } from '../support/operator.js'
import { spawnOwned } from '../support/owned-process.js'
import { freePort, spawnNode } from '../support/processes.js'
import { until } from '../support/until.js'

/** Clears a terminal, turns the direction of text, ends the line, and moves the cursor by an 8-bit control. */
const HOSTILE = 'evil\u001b[2J\u202egnp\r\n\u009b1A\u2028\u{e0041}\\'
const HOSTILE_SHOWN = 'evil\\u{1b}[2J\\u{202e}gnp\\u{d}\\u{a}\\u{9b}1A\\u{2028}\\u{e0041}\\\\'

let fleet: Fleet

beforeAll(async () => {
  fleet = await startFleet({ count: 2, orgs: ['acme', 'globex', HOSTILE] })
}, 60_000)

afterAll(() => fleet.stop())

/** Asks the first node, as an operator who has set the environment does. */
function ask(...args: string[]): Promise<Told> {
  const [{ adminUrl, adminToken }] = fleet.nodes as [(typeof fleet.nodes)[0]]
  return operate(args, { HEADCOUNT_ADMIN_URL: adminUrl, ADMIN_TOKEN: adminToken })
}

/** The same straight from Redis. */
function read(...args: string[]): Promise<Told> {
  return operate([...args, '--redis', '--key-prefix', fleet.books.prefix], { REDIS_URL: fleet.redis.url })
}

async function open(node: number, org: string, instanceId?: string): Promise<Accepted> {
  const options = { key: fleet.keyOf(org), ...(instanceId !== undefined && { instanceId }) }
  const result = await connectGateway(fleet.urls[node]!, options)
  if (!result.accepted) throw new Error(`refused: ${JSON.stringify((result as Refused).body)}`)
  onTestFinished(async () => {
    await result.close()
    await until(async () => !(await idsOf(org)).includes(result.ack.connectionId))
  })
  return result
}

async function idsOf(org: string): Promise<string[]> {
  const path = `/admin/v1/orgs/${encodeURIComponent(org)}/connections`
  const { connections } = await fleet.nodes[0]!.admin<{ connections: { connectionId: string }[] }>(path)
  return connections.map(({ connectionId }) => connectionId)
}

const LINE_BREAKING = /[\p{C}\p{Zl}\p{Zp}]/u

describe('what operators see', () => {
  test('orgs by utilisation, from a node and from Redis itself', async () => {
    for (const node of [0, 1, 1]) await open(node, 'acme')
    await open(0, 'globex')
    const { code, lines } = await ask('orgs')
    expect(code).toBe(0)
    expect(lines).toEqual([
      'HELD  LIMIT  FULL                        ORG',
      `   3      3  100%  ${'█'.repeat(20)}  acme`,
      `   1      3   33%  ${'█'.repeat(7)}${'·'.repeat(13)}  globex`,
    ])
    expect((await ask('orgs', '-n', '1')).lines.slice(1)).toEqual([
      expect.stringContaining('acme'),
      'and 1 more: --all shows them',
    ])
    // Redis holds no defaults of nodes.
    const redis = JSON.parse((await read('orgs', '--json')).stdout)
    expect(redis).toEqual({
      orgs: [
        { orgId: 'acme', currentCount: 3, maxAllowed: null },
        { orgId: 'globex', currentCount: 1, maxAllowed: null },
      ],
      total: 2,
    })
    expect((await read('orgs')).lines[1]).toMatch(/^ +3 +\? +·+ {2}acme$/)
  })

  test('an org: its limit and why, and who holds its slots on which node', async () => {
    const one = await open(0, 'acme', 'pod-1')
    const two = await open(1, 'acme')
    const { code, lines } = await ask('org', 'acme')
    expect(code).toBe(0)
    expect(lines.slice(0, 3)).toEqual(['acme: 2 of 3', '  limit      3: the default of the node that was asked', ''])
    expect(lines[3]).toMatch(/^CONNECTION +AGE +NODE +ADDRESS +GATEWAY +INSTANCE$/)
    const row = (id: string, rest: string) => new RegExp(`^${id} +[\\d.]+ s +${rest}$`)
    expect(lines[4]).toMatch(row(one.ack.connectionId, 'node-1 +127.0.0.1 +gateway-0 +pod-1'))
    expect(lines[5]).toMatch(row(two.ack.connectionId, 'node-2 +127.0.0.1 +gateway-0'))
    const json = JSON.parse((await read('org', 'acme', '--json')).stdout)
    expect(json).toMatchObject({ orgId: 'acme', currentCount: 2, maxAllowed: null, limitFrom: null })
    expect(json.connections.map(({ node }: { node: string }) => node).sort()).toEqual(['node-1', 'node-2'])
    expect((await read('org', 'acme')).lines[1]).toContain('the default or tier that the nodes know')
  })

  test('an org in a tier of which nobody has said the name', async () => {
    onTestFinished(await setNamelessTier(fleet, 'nameless', 5))
    for (const told of [await ask('org', 'nameless'), await read('org', 'nameless')]) {
      expect(told.lines.slice(0, 3)).toEqual([
        ...['nameless: 0 of 5', '  limit      5: that of its tier', '  tier       assigned (5), until it is cleared'],
      ])
    }
  })

  test('nodes with their leases', async () => {
    await open(1, 'acme')
    const heartbeat = '(?:[\\d.]+ s ago|silent for [\\d.]+ s) +'
    for (const told of [await ask('nodes'), await read('nodes')]) {
      expect(told.code).toBe(0)
      expect(told.lines[0]).toMatch(/^HELD +HEARTBEAT +LEASE ENDS IN +UP +VERSION +NODE$/)
      expect(told.lines[1]).toMatch(new RegExp(`^ +0 +${heartbeat}[\\d.]+ s +[\\d.]+ \\w+ +${version} +node-1$`))
      expect(told.lines[2]).toMatch(new RegExp(`^ +1 +${heartbeat}[\\d.]+ s +[\\d.]+ \\w+ +${version} +node-2$`))
    }
  })

  test('ids that would command the terminal are written out, everywhere', async () => {
    await open(0, HOSTILE, 'pod\u00ad')
    for (const told of [await ask('orgs'), await read('orgs'), await ask('org', HOSTILE), await read('org', HOSTILE)]) {
      expect(told.stdout).toContain(HOSTILE_SHOWN)
      expect(told.lines.filter((line) => LINE_BREAKING.test(line))).toEqual([])
    }
    expect((await ask('org', HOSTILE)).lines[4]).toMatch(/pod\\u\{ad\}$/)
    const json = await ask('org', HOSTILE, '--json')
    expect(json.lines).toHaveLength(1)
    expect(LINE_BREAKING.test(json.lines[0]!)).toBe(false)
    expect(JSON.parse(json.stdout)).toMatchObject({ orgId: HOSTILE, connections: [{ instance: 'pod\u00ad' }] })
  })

  test('--watch asks again until Ctrl-C, one object a line with --json', async () => {
    const [{ adminUrl, adminToken }] = fleet.nodes as [(typeof fleet.nodes)[0]]
    const args = ['nodes', '--watch', '0.1', '--json', '--admin', adminUrl, '--token', adminToken]
    const watching = await spawnNode('dist/cli/main.js', args)
    onTestFinished(() => watching.kill())
    await until(() => watching.stdout().split('\n').length > 3, { withinMs: 20_000 })
    watching.signal('SIGINT')
    expect((await watching.exited).code).toBe(0)
    for (const line of watching.stdout().trim().split('\n')) expect(JSON.parse(line).nodes).toHaveLength(2)
  })
})

describe('what operators change', () => {
  test('the limit of an org, for a while and with a note, and back', async () => {
    onTestFinished(() => ask('limit', 'clear', 'acme').then(() => {}))
    const set = await ask('limit', 'set', 'acme', '1', '--for', '1h', '--note', 'load\u0007test', '--by', 'kim')
    expect(set).toMatchObject({ code: 0, lines: ['acme: 0 of 1 (override)'] })
    await open(1, 'acme')
    expect(await connectGateway(fleet.urls[1]!, { key: fleet.keyOf('acme') })).toMatchObject({ accepted: false })
    for (const told of [await ask('org', 'acme'), await read('org', 'acme')]) {
      expect(told.lines[0]).toBe('acme: 1 of 1, full')
      expect(told.lines[1]).toMatch(
        /^ {2}limit {6}1: an operator's override, set [\d.]+ s ago by kim, for (59|60) min more: load\\u\{7\}test$/,
      )
    }
    expect(await ask('limit', 'set', 'acme', 'unlimited')).toMatchObject({
      lines: ['acme: 1 of unlimited (override)'],
    })
    expect(JSON.parse((await ask('limit', 'clear', 'acme', '--json')).stdout)).toMatchObject({ maxAllowed: 3 })
  })

  test('a lowered limit says what is too many, and closes it where asked', async () => {
    onTestFinished(() => ask('limit', 'clear', 'acme').then(() => {}))
    const oldest = await open(0, 'acme')
    const newest = await open(1, 'acme')
    const { lines } = await ask('limit', 'set', 'acme', '1')
    expect(lines).toEqual([
      'acme: 2 of 1 (override)',
      expect.stringMatching(
        /^ {2}1 too many: they stay or are closed, as HEADCOUNT_ON_LIMIT_LOWERED of the nodes says/,
      ),
    ])
    expect((await ask('org', 'acme')).lines[0]).toBe('acme: 2 of 1, full, 1 too many')
    expect((await ask('limit', 'set', 'acme', '1', '--close-surplus', 'newest')).lines).toEqual([
      'acme: 2 of 1 (override)',
      '  1 too many: told to close, the newest first, within a renew interval',
    ])
    expect(await newest.closed).toMatchObject({ code: 4429 })
    expect(oldest.ws.readyState).toBe(oldest.ws.OPEN)
  })

  test('disconnect closes one connection, evict all of an org, on whatever node', async () => {
    const [one, two, three] = [await open(0, 'acme'), await open(1, 'acme'), await open(1, 'acme')]
    const told = await ask('disconnect', two.ack.connectionId, '--reason', 'stuck')
    expect(told).toMatchObject({
      code: 0,
      lines: [`${two.ack.connectionId}: 1 told to close, within a renew interval`],
    })
    expect(await two.closed).toMatchObject({ code: 4409 })
    await until(async () => (await idsOf('acme')).length === 2)
    expect((await ask('evict', 'acme')).lines[0]).toMatch(/^acme: 2 told to close/)
    expect(await Promise.all([one.closed, three.closed])).toMatchObject([{ code: 4409 }, { code: 4409 }])
    const again = await ask('disconnect', two.ack.connectionId)
    expect(again).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('No node holds such a connection'),
    })
    expect(again.stderr).toContain('`headcount org ORG` lists those that are open')
  })

  test.each([
    [['limit', 'set', 'acme', '1']],
    [['limit', 'clear', 'acme']],
    [['evict', 'acme']],
    [['disconnect', 'x']],
    [['drain', 'node-2']],
  ])('%j: not through --redis, which only reads, and not again and again', async (args) => {
    expect(await read(...args)).toMatchObject({ code: 1, stderr: expect.stringContaining("unknown option '--redis'") })
    const watched = await ask(...args, '--watch', '0.1')
    expect(watched).toMatchObject({ code: 1, stderr: expect.stringContaining("unknown option '--watch'") })
    expect((await ask('org', 'acme')).lines[0]).toBe('acme: 0 of 3')
    expect((await ask(...args.slice(0, args[0] === 'limit' ? 2 : 1), '--help')).stdout).not.toMatch(
      /--(watch|redis|key)/,
    )
  })
})

describe('what goes wrong is said, with what to do', () => {
  test('nobody there', async () => {
    const url = `http://127.0.0.1:${await freePort()}`
    const { code, stdout, stderr } = await operate(['orgs', '--admin', url])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(`cannot reach ${url}: nobody listens there`)
    expect(stderr).toContain('HEADCOUNT_ADMIN_URL')
    const redis = await operate(['orgs', '--redis', `redis://user:geheim@127.0.0.1:${await freePort()}`])
    expect(redis).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('ECONNREFUSED') })
    expect(redis.stderr).not.toContain('geheim')
  })

  test('no token, a wrong one', async () => {
    const { adminUrl } = fleet.nodes[0]!
    for (const env of [{}, { ADMIN_TOKEN: 'wrong' }]) {
      const { code, stderr } = await operate(['orgs', '--admin', adminUrl], env as Record<string, string>)
      expect(code).toBe(1)
      expect(stderr).toContain('(UNAUTHENTICATED)')
      expect(stderr).toContain('set ADMIN_TOKEN')
    }
    const json = await operate(['orgs', '--admin', adminUrl, '--json'])
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: 'UNAUTHENTICATED' } })
  })

  test('the public listener, which is no admin listener', async () => {
    const { code, stderr } = await operate(['orgs', '--admin', fleet.urls[0]!.replace('ws:', 'http:')])
    expect(code).toBe(1)
    expect(stderr).toContain('is that the admin listener')
  })

  test('--redis without an address, and an address that is none', async () => {
    expect((await operate(['orgs', '--redis'])).stderr).toContain('REDIS_URL is not set')
    expect((await operate(['orgs', '--redis', 'http://x'])).stderr).toContain('docs/redis.md has the forms')
  })

  test.each([
    [['limit', 'set', 'acme', 'many'], 'whole number from 0'],
    [['limit', 'set', 'acme', '3', '--for', '90'], 'duration with its unit'],
    [['orgs', '--admin', 'localhost:8081'], 'It must look like http://127.0.0.1:8081'],
    [['org'], "missing required argument 'org'"],
  ])('%j', async (args, sentence) => {
    const { code, stderr } = await operate(args)
    expect(code).toBe(1)
    expect(stderr).toContain(sentence)
  })

  test.each<[string[], Record<string, string>, number]>([
    [['orgs', '--admin', 'http://u:geheim@127.0.0.1:8081'], {}, 1],
    [['orgs', '--admin=http://:geheim@127.0.0.1:8081'], {}, 1],
    [['orgs'], { HEADCOUNT_ADMIN_URL: 'http://u:1/geheim@127.0.0.1:8081' }, 1],
    [['check'], { HEADCOUNT_ADMIN_URL: 'http://127.0.0.1:8081/?token=geheim' }, 3],
    [['healthcheck'], { HEADCOUNT_ADMIN_URL: 'http://u:geheim@127.0.0.1:8081' }, 1],
    [['connect', '--url', 'htp://u:geheim@127.0.0.1:8080'], {}, 1],
  ])('a wrong address is not repeated, because it may hold a password: %j %j', async (args, env, exitCode) => {
    const { code, stdout, stderr } = await operate(args, env)
    expect(code).toBe(exitCode)
    expect(stderr).toMatch(/^error: --(admin|url) or HEADCOUNT_(ADMIN_)?URL is no such address\. It must look like /)
    expect(stdout + stderr).not.toContain('geheim')
  })
})

test('on a terminal --watch draws in place, in colour where wanted, and q gives the terminal back', async () => {
  const [{ adminUrl, adminToken }] = fleet.nodes as [(typeof fleet.nodes)[0]]
  const env = { PATH: process.env.PATH!, HEADCOUNT_ADMIN_URL: adminUrl, ADMIN_TOKEN: adminToken, TERM: 'xterm' }
  const command = `'${process.execPath}' dist/cli/main.js nodes --watch 0.1`
  const watch = async (more: Record<string, string>) => {
    const terminal = await spawnOwned('script', ['-qec', command, '/dev/null'], {
      env: { ...env, ...more },
      typing: true,
    })
    onTestFinished(() => terminal.kill())
    await until(() => terminal.stdout().split('\u001b[H').length > 3, { withinMs: 20_000 })
    terminal.type('q')
    expect((await terminal.exited).code).toBe(0)
    return terminal.stdout()
  }
  const drawn = await watch({})
  expect(drawn.startsWith('\u001b[?1049h')).toBe(true)
  expect(drawn.trimEnd().endsWith('\u001b[?1049l')).toBe(true)
  expect(drawn).toContain('node-2')
  expect(drawn).toContain('\u001b[2m')
  expect(await watch({ NO_COLOR: '1' })).not.toContain('\u001b[2m')
})
