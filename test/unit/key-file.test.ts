import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../src/core/clock.js'
import { DEMO_KEYS, demoKeys } from '../../src/identity/demo-keys.js'
import { Identities } from '../../src/identity/identities.js'
import type { IdentitySource } from '../../src/identity/identity-source.js'
import { KeyFile } from '../../src/identity/key-file.js'
import { parseKeyFile } from '../../src/identity/key-file-schema.js'
import { KeyRing } from '../../src/identity/key-ring.js'
import { createLog } from '../../src/observe/log.js'
import { spawnOwned, temporaryDirectory } from '../support/owned-process.js'
import { until } from '../support/until.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const row = (key: string, more: object = {}) => ({ key, orgId: 'acme', gatewayId: 'gw', ...more })
const text = (...keys: object[]) => JSON.stringify({ keys })
const parse = (json: string) => parseKeyFile(Buffer.from(json))

function problemsOf(json: string): string {
  const parsed = parse(json)
  return parsed.ok ? '' : parsed.problems.join('\n')
}

function ringOf(json: string): KeyRing {
  const parsed = parse(json)
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'))
  return KeyRing.of(parsed.entries)
}

/** Asks with a request's headers, as the gate does. */
function ask(source: Pick<IdentitySource, 'identify'>, headers: object) {
  const request = { headers, url: '/' } as IncomingMessage
  const identities = new Identities([
    { mayStay: () => true, stop() {}, identify: (key, why) => source.identify(key, why) },
  ])
  return identities.identify(request, new AbortController().signal)
}

describe('who presents a key', () => {
  const sha256 = createHash('sha256').update('hashed').digest('hex').toUpperCase()
  const ring = ringOf(
    text(
      row('plain'),
      { sha256, orgId: 'globex', gatewayId: 'g2' },
      row('off', { disabled: true }),
      row('on', { disabled: false }),
      row('pager', { priority: true }),
      row('usual', { priority: false }),
    ),
  )
  const unknown = { identified: false, code: 'UNAUTHENTICATED' }
  const acme = { identified: true, identity: { org: 'acme', gateway: 'gw' } }

  test.each([
    ['api-key', { 'api-key': 'plain' }, acme],
    [
      'a key known by its digest',
      { 'api-key': 'hashed' },
      { identified: true, identity: { org: 'globex', gateway: 'g2' } },
    ],
    ['Bearer', { authorization: 'Bearer plain' }, acme],
    ['bearer in any case', { authorization: 'bearer  plain' }, acme],
    ['api-key before Bearer', { 'api-key': 'plain', authorization: 'Bearer nonsense' }, acme],
    ['an enabled key', { 'api-key': 'on' }, acme],
    [
      'a key with priority',
      { 'api-key': 'pager' },
      { identified: true, identity: { ...acme.identity, priority: true } },
    ],
    ['a key without', { 'api-key': 'usual' }, acme],
    ['a disabled key', { 'api-key': 'off' }, { ...acme, identified: false, code: 'ORG_DISABLED' }],
    ['an unknown key', { 'api-key': 'nonsense' }, unknown],
    ['the digest itself', { 'api-key': sha256 }, unknown],
    ['nothing', {}, unknown],
    ['an empty key', { 'api-key': '' }, unknown],
    ['Basic', { authorization: 'Basic plain' }, unknown],
    ['a name of every object', { 'api-key': '__proto__' }, unknown],
  ])('%s', async (_, headers, expected) => {
    expect(await ask(ring, headers)).toMatchObject(expected)
  })

  test('each key has a name that does not tell it', () => {
    const names = ['plain', 'on', 'hashed'].map((key) => {
      const found = ring.identify(key)
      return found?.identified && found.identity.keyId
    })
    expect(new Set(names).size).toBe(3)
    expect(names[2]).toBe(sha256.slice(0, 16).toLowerCase())
  })

  test('a key with an id is called by it', () => {
    expect(ringOf(text(row('plain', { id: 'acme-eu' }))).identify('plain')).toMatchObject({
      identity: { keyId: 'acme-eu' },
    })
  })

  test('who came by a key may stay as long as the key means the same', () => {
    const found = ringOf(text(row('plain'), row('other'))).identify('plain')
    if (!found?.identified) throw new Error('the key must be known')
    const after = (...keys: object[]) => ringOf(text(...keys)).mayStay(found.identity)
    expect(after(row('plain'), row('more'))).toBe(true)
    expect(after(row('plain', { tier: 'paid', id: 'renamed' }))).toBe(true)
    expect(after({ sha256: createHash('sha256').update('plain').digest('hex'), orgId: 'acme', gatewayId: 'gw' })).toBe(
      true,
    )
    expect(after(row('other'))).toBe(false)
    expect(after(row('plain', { disabled: true }))).toBe(false)
    expect(after(row('plain', { orgId: 'globex' }))).toBe(false)
    expect(after(row('plain', { gatewayId: 'gw2' }))).toBe(false)
  })

  test('the demo keys are of one org each', () => {
    expect(DEMO_KEYS.map((key) => demoKeys().identify(key, { path: '/', address: undefined }))).toMatchObject([
      { identified: true, identity: { org: 'acme', gateway: 'acme-gateway' } },
      { identified: true, identity: { org: 'globex', gateway: 'globex-gateway' } },
    ])
  })
})

describe('names of orgs and gateways', () => {
  const hostile = [
    '{acme}',
    'a\r\nb',
    '\0',
    '🦊',
    'x'.repeat(256),
    '__proto__',
    'constructor',
    ' ',
    'a:b*?[c]',
    '\u202e',
  ]

  test.each(hostile)('%j is exact', (name) => {
    const ring = ringOf(text(row('k', { orgId: name, gatewayId: name })))
    expect(ring.identify('k')).toMatchObject({ identity: { org: name, gateway: name } })
  })

  test.each([
    ['', 'must not be empty'],
    ['x'.repeat(257), 'at most 256'],
    ['\ud800', 'surrogate'],
    ['a\udc00b', 'surrogate'],
    [7, 'must be a text'],
    [null, 'must be a text'],
  ])('%j is refused with its place', (name, reason) => {
    expect(problemsOf(text(row('a'), row('b', { orgId: name })))).toMatch(
      new RegExp(`^keys\\[1\\]\\.orgId .*${reason}`),
    )
    expect(problemsOf(text(row('b', { gatewayId: name })))).toMatch(new RegExp(`^keys\\[0\\]\\.gatewayId .*${reason}`))
  })
})

describe('a broken file is refused with what is wrong and where', () => {
  test.each([
    ['{"keys":[}', /JSON/],
    ['{"keys":[\n{"key":"geheim",}]}', /line 2, column 17/],
    ['', /ends too early/],
    ['[]', /the file must be an object/],
    ['{}', /keys must be a list/],
    ['{"keys":{}}', /keys must be a list/],
    ['{"keys":[],"geheim":1}', /the file has a field that is none/],
    ['{"kees":[]}', /the file has no field "kees"; did you mean "keys"\?/],
    ['{"keys":[3]}', /keys\[0\] must be an object/],
    [text(row('x', { geheim: { orgId: 'acme' } })), /keys\[0\] has a field that is none/],
    [text(row('x', { geheim: 1, gatwayID: 'gw' })), /keys\[0\] has no field "gatwayID"; did you mean "gatewayId"\?/],
    [text(row('geheim', { disabled: 'yes' })), /keys\[0\]\.disabled must be true or false/],
    [text(row('geheim', { sha256: 'a'.repeat(64) })), /keys\[0\] must have either/],
    [text({ orgId: 'a', gatewayId: 'b' }), /keys\[0\] must have either/],
    [text(row('geheim geheim')), /keys\[0\]\.key must be 1 to 512 visible/],
    [text({ sha256: 'geheim', orgId: 'a', gatewayId: 'b' }), /keys\[0\]\.sha256 must be 64 hex/],
    [text(row('geheim'), row('x'), row('geheim')), /keys\[2\] is the same key as keys\[0\]/],
    [text(row('geheim', { id: 'a' }), row('x', { id: 'a' })), /keys\[1\] has the id of another key/],
    [text(row('geheim', { id: 'a b' })), /keys\[0\]\.id must be 1 to 64 letters/],
    [text(...Array.from({ length: 30 }, () => [])), /keys\[9\] .*and 20 keys were not looked at/s],
  ])('%s', (json, problem) => {
    expect(problemsOf(json)).toMatch(problem)
    expect(problemsOf(json)).not.toContain('geheim')
  })

  test('bytes that are not UTF-8 are refused, where a replacement would rename an org', () => {
    const parsed = parseKeyFile(
      Buffer.concat([Buffer.from('{"keys":[{"orgId":"'), Buffer.from([0xff]), Buffer.from('"}]}')]),
    )
    expect(parsed).toEqual({ ok: false, problems: ['it is not valid UTF-8'] })
  })
})

describe('the file is reloaded while the server runs', () => {
  let path: string
  let lines: Record<string, unknown>[]
  let opened: KeyFile | undefined

  beforeEach(() => {
    path = join(temporaryDirectory(), 'keys.json')
    lines = []
    opened = undefined
  })
  afterEach(() => opened?.stop())

  /** In one step, as one should: a text that is half written is told as an error, and here it is looked at all the time. */
  function put(json: string): void {
    writeFileSync(`${path}.new`, json)
    renameSync(`${path}.new`, path)
  }

  async function open(clock: Clock = systemClock) {
    const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
    const log = createLog({ level: 'info', node: 'n', destination })
    const result = await KeyFile.open({ path, clock, log, pollMs: 5 })
    if (result.ok) opened = result.keyFile
    return result
  }
  async function knows(key: string): Promise<boolean> {
    return (await ask(opened!, { 'api-key': key })).identified
  }

  test('a new key counts and a removed one does not', async () => {
    put(text(row('one')))
    await open()
    expect([await knows('one'), await knows('second')]).toEqual([true, false])
    put(text(row('second')))
    await until(() => knows('second'))
    expect(await knows('one')).toBe(false)
  })

  test('a broken or missing file keeps the old keys and says so once, until it is whole again', async () => {
    put(text(row('geheim')))
    await open()
    expect(opened!.isUsable).toBe(true)
    put(text(row('geheim'), row('geheim')))
    await until(() => lines.length === 1)
    expect(opened!.isUsable).toBe(false)
    rmSync(path)
    await until(() => lines.length === 2)
    expect([await knows('geheim'), opened!.isUsable]).toEqual([true, false])
    put(text(row('third')))
    await until(() => knows('third'))
    expect(opened!.isUsable).toBe(true)
    expect(lines.map(({ level }) => level)).toEqual(['error', 'error', 'info'])
    expect(lines[0]!.problems).toEqual([`${path}: keys[1] is the same key as keys[0]`])
    expect(lines[1]!.problems).toEqual([`${path}: it cannot be read (ENOENT)`])
    expect(JSON.stringify(lines)).not.toContain('geheim')
  })

  test.each<[string, string, () => void]>([
    ['a link to /dev/zero', 'no regular file', () => symlinkSync('/dev/zero', `${path}.new`)],
    ['a FIFO', 'no regular file', () => void execFileSync('mkfifo', [`${path}.new`])],
    [
      'larger than any key file',
      'more than 64 MiB',
      () => {
        writeFileSync(`${path}.new`, '')
        truncateSync(`${path}.new`, 64 * 1024 * 1024 + 1)
      },
    ],
  ])('what is %s is not read, at the start and later, until there is a file again', async (_, why, make) => {
    const problem = `${path}: it cannot be read (${why})`
    make()
    renameSync(`${path}.new`, path)
    expect(await open()).toEqual({ ok: false, problems: [problem] })
    put(text(row('geheim')))
    await open()
    make()
    renameSync(`${path}.new`, path)
    await until(() => lines.length === 1)
    expect(lines[0]).toMatchObject({ level: 'error', problems: [problem], keys: 1 })
    put(text(row('third')))
    await until(() => knows('third'))
    expect(lines).toHaveLength(2)
  })

  test.each([
    ['is empty', []],
    ['has disabled keys only', [row('off', { disabled: true })]],
  ])('a file that %s lets nobody in, and the log says so, at the start and later', async (_, keys) => {
    put(text(...keys))
    await open()
    const warning = { level: 'warn', path, keys: keys.length, msg: expect.stringContaining('lets nobody in') }
    expect(lines).toEqual([expect.objectContaining(warning)])
    put(text(row('one')))
    await until(() => knows('one'))
    expect(lines).toHaveLength(2)
    put(text(...keys))
    await until(() => lines.length === 4)
    expect(lines[2]).toMatchObject(warning)
  })

  test('a file that could not be read once is read again although it has not changed since', async () => {
    const node = `ulimit -n 100; exec "$0" test/support/fixtures/out-of-descriptors.mjs "$1"`
    const child = await spawnOwned('sh', ['-c', node, process.execPath, path], { cwd: ROOT })
    await child.exited
    expect(child.output().trim().split('\n')).toEqual([`${path}: it cannot be read (EMFILE)`, 'key file reloaded'])
  })

  test('a Kubernetes secret, which changes by a symbolic link two levels up, is noticed', async () => {
    const directory = temporaryDirectory()
    for (const [version, key] of [
      ['v1', 'one'],
      ['v2', 'second'],
    ] as const) {
      mkdirSync(join(directory, version))
      writeFileSync(join(directory, version, 'keys.json'), text(row(key)))
    }
    symlinkSync('v1', join(directory, '..data'))
    path = join(directory, 'keys.json')
    symlinkSync(join('..data', 'keys.json'), path)
    await open()
    expect(await knows('one')).toBe(true)
    symlinkSync('v2', join(directory, '..new'))
    renameSync(join(directory, '..new'), join(directory, '..data'))
    await until(() => knows('second'))
  })

  test('while a large file is read, others have their turn', async () => {
    let [turns, ms] = [0, 0]
    const soon: Clock['soon'] = (task) => {
      turns++
      systemClock.soon(task)
    }
    // Every piece takes a millisecond.
    const monotonicMs = () => ++ms
    put(text(...Array.from({ length: 1_000 }, (_, i) => row(`key-${i}`))))
    await open({ ...systemClock, soon, monotonicMs })
    expect(opened!.size).toBe(1_000)
    expect(await knows('key-999')).toBe(true)
    // Eight pieces to read them and four to put them on the ring, five at a time.
    expect(turns).toBe(2)
  })

  test('a file that is broken at the start is refused', async () => {
    expect(await open()).toEqual({ ok: false, problems: [`${path}: it cannot be read (ENOENT)`] })
    put('{"keys": 1}')
    expect(await open()).toEqual({ ok: false, problems: [`${path}: keys must be a list`] })
  })

  test('after stop the file is looked at no more', async () => {
    put(text(row('one')))
    await open()
    opened!.stop()
    const stopped = opened!
    put(text(row('second')))
    // The control: a second reader of the same file does see the change, so there was time enough.
    await open()
    put(text(row('third')))
    await until(() => knows('third'))
    expect(stopped.size).toBe(1)
    opened!.stop()
    opened = stopped
    expect(await knows('one')).toBe(true)
  })
})
