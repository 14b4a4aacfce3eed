import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { styleText } from 'node:util'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { fenced } from '../../src/cli/terminal/fence.js'
import type { Paint } from '../../src/cli/terminal/page.js'
import { operate } from '../support/operator.js'

/** Would set the title of a terminal, clear it, and begin a line of its own. */
const COMMANDS = '\x1b]0;mine\x07\x1b[2J\nmine'

const ORG = { orgId: COMMANDS, currentCount: 2, maxAllowed: 3 }
const LIMITS = { ...ORG, limitFrom: 'tier', tier: COMMANDS, override: null, assignedTier: { limit: 3, by: COMMANDS } }
const HOLDER = { connectionId: COMMANDS, lease: 1, scopes: [], since: COMMANDS, gateway: COMMANDS }
const NODE = { name: COMMANDS, lease: 1, connections: 1, leaseExpiresInMs: 1, startedAt: COMMANDS, version: COMMANDS }
const NOTE = { at: COMMANDS, kind: COMMANDS, code: COMMANDS, node: COMMANDS, detail: COMMANDS, holders: [HOLDER] }
const OF_NODE = { phase: COMMANDS, storeReachable: false, recoveryMs: 0, refusedLately: { [COMMANDS]: 1 } }
const ANSWERS: Readonly<Record<string, object>> = {
  orgs: { orgs: [ORG], nextCursor: null },
  'orgs/acme': LIMITS,
  'orgs/acme/connections': { orgId: COMMANDS, connections: [HOLDER], truncated: false, ordered: 1, leaving: 0 },
  'orgs/acme/limit': LIMITS,
  nodes: { nodes: [NODE, { ...NODE, settings: { [COMMANDS]: COMMANDS } }, { ...NODE, settings: { [COMMANDS]: 1 } }] },
  'nodes/n/drain': { ...NODE, ordered: true },
  refusals: { refusals: [NOTE], nextCursor: null, of: 'cluster' },
  stats: { role: 'read', node: { ...NODE, ...OF_NODE }, store: COMMANDS, cluster: { nodes: 1, connections: 1 } },
}

const commanding: RequestListener = ({ url = '' }, response) => {
  const asked = url
    .replace('/admin/v1/', '')
    .replace(/\?.*/, '')
    .replace(/^orgs\/[^/]+/, 'orgs/acme')
  response.end(JSON.stringify(ANSWERS[asked] ?? { code: COMMANDS, title: COMMANDS }))
}

/** Answers where a node should: whoever has the port while none runs. */
async function impostor(answer: RequestListener = commanding): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test.each([
  'orgs',
  'org acme',
  'nodes',
  'refusals',
  'why 2382ae1d-7ba9-46e6-94ad-96a90b3e836e',
  'check',
  'doctor',
  'drain n',
  'limit set acme 3',
  'limit clear acme',
])('%s: who answers in the place of a node commands no terminal', async (command) => {
  const { stdout, stderr } = await operate(command.split(' '), { HEADCOUNT_ADMIN_URL: await impostor() })
  expect(`${stdout}${stderr}`).toContain('mine')
  expect(`${stdout}${stderr}`).not.toMatch(/(?!\n)\p{Cc}|^mine/mu)
})

test('what a page is painted with passes, and nothing that only looks like it', () => {
  const painted = '\x1b[31mfull\x1b[39m of \\u{1b} a'
  expect(fenced(painted)).toBe(painted)
  expect(fenced('\x1b[2J \x1b[31;5m \x9b[31m\x07 \u202e\n')).toBe(
    '\\u{1b}[2J \\u{1b}[31;5m \\u{9b}[31m\\u{7} \\u{202e}\\u{a}',
  )
  // Concealed, in reverse, or on a ground of its own colour nobody would see what comes behind it.
  expect(fenced('\x1b[8m \x1b[7m \x1b[30m \x1b[41m')).toBe('\\u{1b}[8m \\u{1b}[7m \\u{1b}[30m \\u{1b}[41m')
})

test('all that a page is painted with passes', () => {
  const paints = ['bold', 'dim', 'red', 'yellow', 'green'] as const satisfies readonly Paint[]
  for (const paint of paints) {
    const painted = styleText(paint, 'a', { validateStream: false })
    expect(painted).toContain('\x1b')
    expect(fenced(painted)).toBe(painted)
  }
})

const COMMANDS_THAT_ASK = [
  'orgs',
  'org acme',
  'nodes',
  'refusals',
  'why acme',
  'check',
  'doctor',
  'drain n',
  'evict acme',
]

test.each([
  ['no object', 'null'],
  ['nothing that was asked for', '{"status":"ok"}'],
  ['lists of something else', '{"orgs":[null],"nodes":[5],"refusals":["x"],"connections":{},"node":null}'],
  ['lists of nothing', '{"orgs":[{}],"nodes":[{}],"refusals":[{}],"connections":[{}],"node":{},"nextCursor":null}'],
])(
  'who answers %s is told to be no node',
  async (_name, body) => {
    const HEADCOUNT_ADMIN_URL = await impostor((_request, response) => void response.end(body))
    for (const command of [...COMMANDS_THAT_ASK, 'limit set acme 3']) {
      const { code, stdout, stderr } = await operate(command.split(' '), { HEADCOUNT_ADMIN_URL })
      expect(stdout + stderr, command).toContain('it answered 200, which is no answer of headcount')
      expect(code, command).toBe(['check', 'doctor'].includes(command) ? 3 : 1)
    }
  },
  60_000,
)

test('numbers that nothing can have are shown all the same', async () => {
  const org = { orgId: 'acme', currentCount: -100, maxAllowed: 3 }
  const HEADCOUNT_ADMIN_URL = await impostor((_request, response) => {
    response.end(JSON.stringify({ orgs: [org], nextCursor: null }))
  })
  expect(await operate(['orgs'], { HEADCOUNT_ADMIN_URL })).toMatchObject({ code: 0, stderr: '' })
})

const MIB = 1_024 * 1_024
const BOMB = gzipSync(Buffer.alloc(64 * MIB, ' '))
const PAGE = JSON.stringify({ orgs: [], nextCursor: '1', more: 'x'.repeat(20 * MIB) })

/** For as long as it is taken. */
const endless: RequestListener = (_request, response) => {
  const piece = Buffer.alloc(MIB, ' ')
  const go = () => {
    while (response.write(piece) && !response.destroyed);
  }
  response.on('drain', go)
  go()
}

test.each<[string, RequestListener, string, string]>([
  ['without end', endless, 'nodes', '32 MiB'],
  ['packed', (_request, response) => void response.setHeader('content-encoding', 'gzip').end(BOMB), 'nodes', '32 MiB'],
  ['in pages without end', (_request, response) => void response.end(PAGE), 'orgs', '128 MiB'],
])('of an answer %s no more is read than fits into memory', async (_name, answer, command, most) => {
  const { code, stderr } = await operate([command, '--json'], { HEADCOUNT_ADMIN_URL: await impostor(answer) })
  expect(code).toBe(1)
  expect(JSON.parse(stderr).error).toMatchObject({
    code: 'ANSWER_TOO_LONG',
    message: expect.stringContaining(`longer than ${most}`),
  })
})

test('what is longer than a node says of its health is not shown, nor what is longer than its refusals', async () => {
  const HEADCOUNT_ADMIN_URL = await impostor(endless)
  expect(await operate(['healthcheck'], { HEADCOUNT_ADMIN_URL })).toMatchObject({
    code: 1,
    stdout: 'more than any node says of its health\n',
  })
  const refusing = await impostor((_request, response) => {
    response.statusCode = 503
    response.end(JSON.stringify({ code: 'X', title: 'x'.repeat(20_000) }))
  })
  const { stderr } = await operate(['nodes'], { HEADCOUNT_ADMIN_URL: refusing })
  expect(stderr).toContain('it answered 503, which is no answer of headcount')
  expect(stderr.length).toBeLessThan(1_000)
})
