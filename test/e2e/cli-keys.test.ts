import { createHash } from 'node:crypto'
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { parseKeyFile } from '../../src/identity/key-file-schema.js'
import { startFleet } from '../support/fleet.js'
import { type Accepted, connectGateway } from '../support/gateways.js'
import { operate, type Told } from '../support/operator.js'
import { temporaryDirectory } from '../support/owned-process.js'
import { until } from '../support/until.js'

interface Row {
  readonly id?: string
  readonly sha256: string
  readonly key?: string
  readonly gatewayId: string
}

let path: string

beforeEach(() => {
  path = join(temporaryDirectory(), 'keys.json')
})

const keys = (...args: string[]): Promise<Told> => operate(['keys', ...args], { HEADCOUNT_KEYS_FILE: path })
const rows = () => (JSON.parse(readFileSync(path, 'utf8')) as { keys: Row[] }).keys
const mode = () => statSync(path).mode & 0o777
const write = (...them: object[]) => writeFileSync(path, JSON.stringify({ keys: them }))
const OLD = { key: 'typed-by-hand', orgId: 'acme', gatewayId: 'old', tier: 'paid' }

describe('keys add', () => {
  test('makes the file, prints the key alone and once, and keeps its digest, for its owner only', async () => {
    const told = await keys('add', 'acme', 'acme-eu', '--id', 'eu', '--tier', 'paid', '--priority')
    expect(told.code).toBe(0)
    expect(told.stdout).toMatch(/^hc_[\w-]{43}\n$/)
    const sha256 = createHash('sha256').update(told.lines[0]!).digest('hex')
    expect(rows()).toEqual([{ id: 'eu', sha256, orgId: 'acme', gatewayId: 'acme-eu', tier: 'paid', priority: true }])
    expect(mode()).toBe(0o600)
    expect(readdirSync(dirname(path)), 'nothing is left beside it').toEqual(['keys.json'])
    const json = JSON.parse((await keys('add', 'acme', 'acme-us', '--json')).stdout)
    expect(json).toMatchObject({
      orgId: 'acme',
      gatewayId: 'acme-us',
      key: expect.stringMatching(/^hc_/),
      hashed: true,
    })
    expect(rows()[1]!.sha256.slice(0, 16)).toBe(json.id)
  })

  test('keeps mode, link and every other key as they were', async () => {
    write(OLD)
    chmodSync(path, 0o640)
    const link = join(dirname(path), 'link.json')
    symlinkSync('keys.json', link)
    const told = await operate(['keys', 'add', 'globex', 'g', '--keys-file', link])
    expect(told.code).toBe(0)
    expect(rows()[0]).toEqual(OLD)
    expect(rows()).toHaveLength(2)
    expect(mode()).toBe(0o640)
    expect(readdirSync(dirname(path)).sort()).toEqual(['keys.json', 'link.json'])
  })

  test('eight at once add eight keys', async () => {
    const told = await Promise.all(Array.from({ length: 8 }, (_, i) => keys('add', 'acme', `gw-${i}`)))
    expect(told.map(({ code }) => code)).toEqual(Array(8).fill(0))
    expect(new Set(rows().map(({ gatewayId }) => gatewayId)).size).toBe(8)
  })

  test('says so where the tier is none of this machine', async () => {
    const told = await operate(['keys', 'add', 'acme', 'gw', '--tier', 'gold', '--keys-file', path], {
      HEADCOUNT_TIERS: 'free=1,big=9',
    })
    expect(told.stderr).toContain('HEADCOUNT_TIERS here has free, big')
    expect(told.code).toBe(0)
  })

  test.each([
    ['a comment', '{"keys":[]} // mine', 'not valid JSON'],
    ['a field that is none', '{"keys":[],"geheim":1}', 'has a field that is none'],
    ['a row that is none', '{"keys":[{"key":"geheim","orgId":"","gatewayId":"g"}]}', 'keys[0].orgId must not be empty'],
  ])('a file with %s is left as it is', async (_, text, sentence) => {
    writeFileSync(path, text)
    const { code, stdout, stderr } = await keys('add', 'acme', 'gw')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(sentence)
    expect(stderr).not.toContain('geheim')
    expect(readFileSync(path, 'utf8')).toBe(text)
    expect(existsSync(`${path}.lock`)).toBe(false)
  })

  test.each([
    [['add', '', 'gw'], 'orgId must not be empty'],
    [['add', 'acme', 'gw', '--id', 'a b'], 'must be 1 to 64 letters'],
    [['add', 'acme', 'gw', '--id', 'taken'], 'has the id of another key'],
    [['add', 'acme', 'gw', '--keys-file', '/nowhere/keys.json'], 'is that the path of the key file?'],
  ])('%j changes nothing', async (args, sentence) => {
    write({ ...OLD, id: 'taken' })
    const { code, stdout, stderr } = await keys(...args)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(sentence)
    expect(rows()).toEqual([{ ...OLD, id: 'taken' }])
  })

  test('waits for another change, and says whose lock it is where that does not end', async () => {
    write(OLD)
    writeFileSync(`${path}.lock`, '')
    const { code, stderr } = await keys('add', 'acme', 'gw', '--json')
    expect(code).toBe(1)
    expect(JSON.parse(stderr)).toMatchObject({ error: { message: expect.stringContaining(`${path}.lock is there`) } })
    expect(rows()).toEqual([OLD])
  })
})

describe('keys list', () => {
  test('shows whose the keys are and never a key', async () => {
    write(OLD, {
      id: 'off',
      sha256: 'a'.repeat(64),
      orgId: 'evil\u001b[2J',
      gatewayId: 'g',
      disabled: true,
      priority: true,
    })
    const { code, lines, stdout } = await keys('list')
    expect(code).toBe(0)
    expect(lines.map((line) => line.split(/ {2,}/))).toEqual([
      ['ID', 'TIER', 'STATE', 'KEPT', 'GATEWAY', 'ORG'],
      [
        createHash('sha256').update(OLD.key).digest('hex').slice(0, 16),
        'paid',
        'in force',
        'in the clear',
        'old',
        'acme',
      ],
      ['off', 'disabled, priority', 'hashed', 'g', 'evil\\u{1b}[2J'],
    ])
    const json = await keys('list', '--json')
    expect(JSON.parse(json.stdout).keys).toMatchObject([
      { orgId: 'acme', tier: 'paid', hashed: false, disabled: false },
      { id: 'off', hashed: true, disabled: true, priority: true },
    ])
    expect(stdout + json.stdout).not.toContain(OLD.key)
  })

  test('where no file is named, both ways to name one are', async () => {
    for (const env of [{}, { HEADCOUNT_KEYS_FILE: '' }] as Record<string, string>[]) {
      const { code, stderr } = await operate(['keys', 'list'], env)
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: 'headcount: no key file is named\n  --keys-file or HEADCOUNT_KEYS_FILE says which it is\n',
      })
    }
  })

  test('no file is an error', async () => {
    expect(await keys('list')).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no ') })
  })
})

describe('keys revoke', () => {
  test('takes one key out, or disables it, and repeats nothing of what was typed', async () => {
    write({ ...OLD, id: 'one' }, { ...OLD, key: 'second', id: 'two' })
    expect(await keys('revoke', 'one')).toMatchObject({ code: 0, stdout: 'one: taken out\n' })
    expect(JSON.parse((await keys('revoke', 'two', '--disable', '--json')).stdout)).toEqual({
      id: 'two',
      disabled: true,
    })
    expect(rows()).toEqual([{ ...OLD, key: 'second', id: 'two', disabled: true }])
    const unknown = await keys('revoke', 'typed-by-hand')
    expect(unknown).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('no key is called that') })
    expect(unknown.stderr).not.toContain('typed-by-hand')
  })

  test('a name of two keys takes neither out', async () => {
    const first = createHash('sha256').update(OLD.key).digest('hex').slice(0, 16)
    write(OLD, { ...OLD, key: 'second', id: first })
    expect(await keys('revoke', first)).toMatchObject({ code: 1, stderr: expect.stringContaining('2 keys are called') })
    expect(rows()).toHaveLength(2)
  })
})

test('nodes that are running take a key that is added, and close the connections of one that is revoked', async () => {
  write(OLD)
  const fleet = await startFleet({ count: 2, env: { HEADCOUNT_KEYS_FILE: path, HEADCOUNT_LOG_LEVEL: 'info' } })
  onTestFinished(() => fleet.stop())
  const key = (await keys('add', 'acme', 'new', '--id', 'new')).lines[0]!
  const open = await Promise.all(
    fleet.urls.map((url) =>
      until(
        async () => {
          const result = await connectGateway(url, { key })
          return result.accepted && result
        },
        { what: 'the node has read the file' },
      ),
    ),
  )
  const stays = (await connectGateway(fleet.urls[0]!, { key: OLD.key })) as Accepted
  expect(stays.accepted).toBe(true)
  await keys('revoke', 'new')
  expect(await Promise.all(open.map(({ closed }) => closed))).toMatchObject([{ code: 4401 }, { code: 4401 }])
  expect(stays.ws.readyState).toBe(1)
  expect(parseKeyFile(readFileSync(path))).toMatchObject({ ok: true, entries: [{ gateway: 'old' }] })
  // Whenever they looked, they found a file that was whole.
  for (const node of fleet.nodes) expect(node.output()).not.toContain('key file cannot be used')
  stays.terminate()
}, 60_000)
