import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../support/until.js'
import { buildCommand } from './cli-build.js'
import { type Answer, refusal, startGateway, type TestGateway } from './cli-gateway.js'

let command: string
let gateway: TestGateway
let running: RunningCommand[] = []

interface RunningCommand {
  readonly child: ChildProcessWithoutNullStreams
  readonly exited: Promise<number | null>
  output(): string
  lines(): string[]
}

beforeAll(async () => {
  command = await buildCommand()
}, 60_000)

afterEach(async () => {
  for (const { child } of running) child.kill('SIGKILL')
  await Promise.all(running.map(({ exited }) => exited))
  running = []
  await gateway?.stop()
})

async function serve(answer: (open: number, request: number) => Answer): Promise<void> {
  gateway = await startGateway(answer)
}

/** The command as a user runs it. It holds connections to this process only, so it cannot outlive it for long. */
function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): RunningCommand {
  const options = { env: { PATH: process.env.PATH, ...env } }
  const child: ChildProcessWithoutNullStreams = spawn(process.execPath, [command, ...args], options)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve))
  const started = { child, exited, output: () => output, lines: () => output.split('\n').filter(Boolean) }
  running.push(started)
  return started
}

const connect = (...args: string[]) => start(['connect', '--url', gateway.url, '--key', 'demo-key-acme', ...args])

const limitOf =
  (limit: number, retryAfter = 4) =>
  (open: number): Answer => {
    const numbers = { currentCount: open, maxAllowed: limit }
    return open < limit
      ? 'accept'
      : refusal(429, 'ORG_CONNECTION_LIMIT_EXCEEDED', numbers, [`Retry-After: ${retryAfter}`])
  }

describe('connect', () => {
  test('opens connections as a gateway does, says what became of each, and lets go of them on Ctrl-C', async () => {
    await serve(limitOf(3))
    const cli = connect('-n', '5', '--instance-id', 'pod')
    await until(() => cli.output().includes('Ctrl-C'))
    expect(cli.lines().slice(0, 6)).toEqual([
      '#1 accepted id=conn-1',
      '#2 accepted id=conn-2',
      '#3 accepted id=conn-3',
      '#4 refused  429 ORG_CONNECTION_LIMIT_EXCEEDED currentCount=3 maxAllowed=3 Retry-After=4',
      '#5 refused  429 ORG_CONNECTION_LIMIT_EXCEEDED currentCount=3 maxAllowed=3 Retry-After=4',
      '3 accepted, 2 refused',
    ])
    expect(gateway.requests[0]!.url).toBe('/api/internal/v1/ws/gateways/connect')
    expect(gateway.requests.map(({ headers }) => headers['api-key'])).toEqual(Array(5).fill('demo-key-acme'))
    expect(gateway.requests[4]!.headers['instance-id']).toBe('pod-5')
    cli.child.kill('SIGINT')
    expect(await cli.exited).toBe(0)
    await until(() => gateway.closings.length === 3)
    expect(gateway.closings).toEqual([1000, 1000, 1000])
    expect(cli.lines().slice(-3).sort()).toEqual(['#1 closed   1000', '#2 closed   1000', '#3 closed   1000'])
  })

  test('closes the connection whose number is typed, and opens one more', async () => {
    await serve(limitOf(2))
    const cli = connect('-n', '3')
    await until(() => gateway.open.size === 2 && cli.output().includes('Ctrl-C'))
    cli.child.stdin.write('2\n')
    await until(() => cli.output().includes('#2 closed   1000'))
    await until(() => gateway.open.size === 1)
    cli.child.stdin.write('open\nopen\n')
    await until(() => gateway.requests.length === 5 && /#4 \w+ .*\n(.*\n)*#5|#5 \w+ .*\n(.*\n)*#4/.test(cli.output()))
    expect(gateway.open.size).toBe(2)
  })

  test('ends by itself with 1 where nothing was accepted', async () => {
    await serve(() => refusal(401, 'UNAUTHENTICATED'))
    const cli = connect('-n', '2')
    expect(await cli.exited).toBe(1)
    expect(cli.lines()).toEqual([
      '#1 refused  401 UNAUTHENTICATED',
      '#2 refused  401 UNAUTHENTICATED',
      '0 accepted, 2 refused',
    ])
  })

  test('says once what to do where no key was sent', async () => {
    await serve(() => refusal(401, 'UNAUTHENTICATED', { instance: 'urn:uuid:7' }))
    const cli = start(['connect', '--url', gateway.url, '-n', '2'])
    expect(await cli.exited).toBe(1)
    expect(cli.lines()).toEqual([
      '#1 refused  401 UNAUTHENTICATED instance=urn:uuid:7',
      '   no key was sent: --key or HEADCOUNT_KEY says which',
      '#2 refused  401 UNAUTHENTICATED instance=urn:uuid:7',
      '0 accepted, 2 refused',
    ])
  })

  test.each([
    ['', '   is that the public listener of a node (PORT, 8080)'],
    ['/own', '   the path of gateways is /api/internal/v1/ws/gateways/connect; and is that the public listener'],
  ])('says where a gateway belongs where nothing is at %j', async (path, hint) => {
    await serve(() => refusal(404, 'NOT_FOUND'))
    const cli = start(['connect', '--url', gateway.url + path, '--key', 'k'])
    expect(await cli.exited).toBe(1)
    expect(cli.lines().slice(0, 2)).toEqual(['#1 refused  404 NOT_FOUND', expect.stringContaining(hint)])
  })

  test('says so where what is typed means nothing', async () => {
    await serve(() => 'accept')
    const cli = connect()
    await until(() => cli.output().includes('Ctrl-C'))
    cli.child.stdin.write('foo\u001b\n\n1\n')
    expect(await cli.exited).toBe(0)
    expect(cli.lines().filter((line) => line.startsWith('headcount: '))).toEqual([
      expect.stringMatching(/^headcount: "foo\\u\{1b\}" is not known\. Ctrl-C closes them/),
    ])
  })

  test('says with which code and reason the server closed, and ends with 0', async () => {
    await serve(() => 'accept')
    const cli = connect()
    const [websocket] = await until(
      () => gateway.open.size === 1 && cli.output().includes('Ctrl-C') && [...gateway.open],
    )
    websocket!.close(1012, 'node is shutting down, reconnect')
    expect(await cli.exited).toBe(0)
    expect(cli.lines().at(-1)).toBe('#1 closed   1012 node is shutting down, reconnect')
  })

  test.each([['for people'], ['as JSON', '--json']])(
    'what a server says cannot command the terminal, %s',
    async (_, ...form) => {
      const code = 'A\u009b2J\u202eB'
      await serve(() => refusal(429, code))
      const cli = connect(...form)
      expect(await cli.exited).toBe(1)
      expect(cli.output()).not.toMatch(/(?!\n)[\p{C}]/u)
      const [told] = cli.lines()
      if (form.length > 0) expect(JSON.parse(told!)).toMatchObject({ event: 'refused', code })
      else expect(told).toBe('#1 refused  429 A\\u{9b}2J\\u{202e}B')
    },
  )

  test('takes address and key from the environment and speaks JSON', async () => {
    const full = { currentCount: 1, maxAllowed: 1, instance: 'urn:uuid:7' }
    const refused = refusal(429, 'ORG_CONNECTION_LIMIT_EXCEEDED', full, ['Retry-After: 4'])
    await serve((open) => (open === 0 ? 'accept' : refused))
    const cli = start(['connect', '-n', '2', '--json'], { HEADCOUNT_URL: gateway.url, HEADCOUNT_KEY: 'from-env' })
    await until(() => cli.output().includes('summary'))
    expect(gateway.requests[0]!.headers['api-key']).toBe('from-env')
    expect(cli.lines().map((line) => JSON.parse(line))).toEqual([
      { event: 'accepted', connection: 1, connectionId: 'conn-1' },
      {
        event: 'refused',
        connection: 2,
        status: 429,
        code: 'ORG_CONNECTION_LIMIT_EXCEEDED',
        title: 'refused',
        currentCount: 1,
        maxAllowed: 1,
        instance: 'urn:uuid:7',
        retryAfterSeconds: 4,
      },
      { event: 'summary', accepted: 1, refused: 1, failed: 0, held: 1 },
    ])
  })

  test('opens all in the same instant with --at-once', async () => {
    await serve(limitOf(3))
    const cli = connect('-n', '20', '--at-once')
    await until(() => cli.output().includes('3 accepted, 17 refused'))
  })

  test('lets go of a server that never answers its goodbye', async () => {
    await serve(() => 'accept')
    const cli = connect()
    const [websocket] = await until(
      () => gateway.open.size === 1 && cli.output().includes('Ctrl-C') && [...gateway.open],
    )
    websocket!.pause()
    cli.child.kill('SIGINT')
    expect(await cli.exited).toBe(0)
    expect(cli.lines().at(-1)).toBe('#1 closed   1006')
  })

  test('stops at once on Ctrl-C while the server has not decided', async () => {
    await serve(() => 'silent')
    const cli = connect('-n', '3')
    await until(() => gateway.requests.length === 1)
    cli.child.kill('SIGINT')
    expect(await cli.exited).toBe(1)
    expect(gateway.requests).toHaveLength(1)
  })
})

describe('what is not an answer of ours', () => {
  test('a server that is not there is one line', async () => {
    await serve(() => 'accept')
    const { url } = gateway
    await gateway.stop()
    const cli = start(['connect', '--url', url])
    expect(await cli.exited).toBe(1)
    const host = new URL(url).host
    expect(cli.lines()).toEqual([
      `#1 failed   cannot connect to ${host}: nobody listens there; is the server running?`,
      '0 accepted, 0 refused, 1 failed',
    ])
  })

  test.each([
    ['a page of a proxy', 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>', '#1 refused  502'],
    ['a body without end', `HTTP/1.1 503 X\r\n\r\n${'x'.repeat(200_000)}`, '#1 refused  503'],
    ['a body cut short', 'HTTP/1.1 429 X\r\nContent-Length: 99\r\n\r\n{"code":"OR', '#1 refused  429'],
    ['no HTTP', 'nonsense\r\n\r\n', '#1 failed   cannot connect to'],
    ['nothing at all', '', '#1 failed   cannot connect to'],
  ])('%s', async (_, bytes, line) => {
    await serve(() => bytes)
    const cli = connect()
    expect(await cli.exited).toBe(1)
    expect(cli.lines()[0]).toContain(line)
    expect(cli.lines()).toHaveLength(2)
  })

  test('an address that is none is refused before anything is tried', async () => {
    const cli = start(['connect', '--url', 'localhost:8080'])
    expect(await cli.exited).toBe(1)
    expect(cli.lines()[0]).toContain('It must look like ws://127.0.0.1:8080')
  })

  test('--version is that of the package, and --help never shows the key', async () => {
    const version = start(['--version'])
    expect(await version.exited).toBe(0)
    expect(version.output()).toBe(`${JSON.parse(readFileSync('package.json', 'utf8')).version}\n`)
    const help = start(['connect', '--help'], { HEADCOUNT_KEY: 'geheim' })
    await help.exited
    expect(help.output()).toContain('HEADCOUNT_KEY')
    expect(help.output()).not.toContain('geheim')
  })
})

describe('connect --reconnect', () => {
  test('comes back after a refusal, no sooner than Retry-After', async () => {
    await serve((_, request) => (request === 1 ? refusal(429, 'FULL', {}, ['Retry-After: 2']) : 'accept'))
    const cli = connect('--reconnect')
    await until(() => cli.output().includes('#1 accepted'), { withinMs: 10_000 })
    expect(gateway.arrivedMs[1]! - gateway.arrivedMs[0]!).toBeGreaterThanOrEqual(1_990)
    expect(cli.output()).toContain('#1 retrying in 2.0 s')
  })

  test('comes back when its connection is lost', async () => {
    await serve(() => 'accept')
    const cli = connect('--reconnect')
    const [websocket] = await until(
      () => gateway.open.size === 1 && cli.output().includes('Ctrl-C') && [...gateway.open],
    )
    websocket!.close(1012)
    await until(() => cli.output().includes('id=conn-2'), { withinMs: 10_000 })
    cli.child.kill('SIGTERM')
    expect(await cli.exited).toBe(0)
  })

  test('a connection that was closed by its number stays closed', async () => {
    await serve(() => 'accept')
    const cli = connect('--reconnect')
    await until(() => cli.output().includes('Ctrl-C'))
    cli.child.stdin.write('close 1\n')
    expect(await cli.exited).toBe(0)
    expect(gateway.requests).toHaveLength(1)
  })

  test.each([401, 403, 404, 409, 422])('takes %i as final', async (status) => {
    await serve(() => refusal(status, 'FINAL', {}, ['Retry-After: 1']))
    const cli = connect('--reconnect')
    expect(await cli.exited).toBe(1)
    expect(gateway.requests).toHaveLength(1)
  })

  test('Ctrl-C ends the wait for the next attempt', async () => {
    await serve(() => refusal(503, 'DRAINING', {}, ['Retry-After: 600']))
    const cli = connect('--reconnect')
    await until(() => cli.output().includes('#1 retrying in 600.0 s'))
    cli.child.kill('SIGINT')
    expect(await cli.exited).toBe(1)
  })
})
