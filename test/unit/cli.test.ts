import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isPermanent, retryDelayMs } from '../../src/cli/connect/backoff.js'
import { describe as lineOf } from '../../src/cli/connect/report.js'
import { nodeTable } from '../../src/cli/nodes.js'
import { endpointOf } from '../../src/cli/options/endpoint.js'
import { seconds, wholeNumber } from '../../src/cli/options/numbers.js'
import { adviceFor } from '../../src/cli/why/advice-for.js'

describe('backoff', () => {
  const longest = () => 1 - Number.EPSILON

  test('the bound doubles from 1 s to 60 s', () => {
    const bounds = Array.from({ length: 9 }, (_, failures) => retryDelayMs(failures, undefined, longest))
    expect(bounds).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000])
  })

  test('a delay is never shorter than Retry-After nor longer than the greater of it and a minute', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.option(fc.nat(300_000)),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (failures, asked, random) => {
          const delayMs = retryDelayMs(failures, asked ?? undefined, () => random)
          expect(delayMs).toBeGreaterThanOrEqual(asked ?? 0)
          expect(delayMs).toBeLessThanOrEqual(Math.max(60_000, asked ?? 0))
        },
      ),
    )
  })

  test('only what WSO2’s gateway takes as final is final', () => {
    const all = Array.from({ length: 200 }, (_, i) => 400 + i)
    expect(all.filter(isPermanent)).toEqual([401, 403, 404, 409, 422])
  })
})

describe('numbers', () => {
  test.each([
    [wholeNumber(1, 1_000), '1', 1],
    [wholeNumber(1, 1_000), '1000', 1_000],
    [wholeNumber(0), '999999999999999', 999_999_999_999_999],
    [seconds(0.1, 86_400), '0.1', 0.1],
    [seconds(0, 86_400), '86400', 86_400],
  ])('are read where they are in range (%#)', (read, text, value) => {
    expect(read(text)).toBe(value)
  })

  test.each([
    [wholeNumber(1, 1_000), ['0', '1001', '1.5', '-1', '1e3', '0x1', '', ' 1'], 'a whole number from 1 to 1000.'],
    [wholeNumber(1), ['0', '9'.repeat(16)], 'a whole number from 1.'],
    [wholeNumber(1, 65_535, 'port'), ['65536', 'abc'], 'a port from 1 to 65535.'],
    [seconds(0.1, 86_400), ['0', '0.09', '86400.1', '1e1', '.5', 'NaN', ''], 'a number of seconds from 0.1 to 86400.'],
  ])('are refused elsewhere, with what is taken (%#)', (read, texts, taken) => {
    for (const text of texts) expect(() => read(text)).toThrow(`It must be ${taken}`)
  })
})

describe('the address', () => {
  const path = '/api/internal/v1/ws/gateways/connect'

  test.each([
    ['ws://127.0.0.1:8080', `ws://127.0.0.1:8080${path}`],
    ['http://127.0.0.1:8080/', `ws://127.0.0.1:8080${path}`],
    ['HTTPS://example.com', `wss://example.com${path}`],
    ['ws://example.com/own?x=1', 'ws://example.com/own?x=1'],
    ['ws://[::1]:80', `ws://[::1]${path}`],
  ])('%s', (text, href) => expect(endpointOf(text)?.href).toBe(href))

  test.each(['', 'example.com', 'localhost:8080', 'ftp://x', 'ws://', 'ws://x/#part'])('%j is none', (text) => {
    expect(endpointOf(text)).toBeUndefined()
  })
})

describe('a line for people', () => {
  test('shows the status alone where a proxy answered', () => {
    expect(lineOf({ event: 'refused', connection: 2, status: 502 })).toBe('#2 refused  502')
  })

  test('names the refusal, so that its reason can be asked for', () => {
    const refused = {
      event: 'refused',
      connection: 1,
      status: 429,
      code: 'FULL',
      instance: 'urn:uuid:\u001b1',
    } as const
    expect(lineOf(refused)).toBe('#1 refused  429 FULL instance=urn:uuid:\\u{1b}1')
  })

  test('cannot command the terminal', () => {
    const reason = '\u001b[2J\u009b1A\u202ebye\r\n#9 accepted'
    expect(lineOf({ event: 'closed', connection: 1, code: 1012, reason })).toBe(
      '#1 closed   1012 \\u{1b}[2J\\u{9b}1A\\u{202e}bye\\u{d}\\u{a}#9 accepted',
    )
  })

  test('counts failures only where there are some', () => {
    const summary = { event: 'summary', accepted: 3, refused: 2, failed: 0, held: 3 } as const
    expect(lineOf(summary)).toBe('3 accepted, 2 refused')
    expect(lineOf({ ...summary, failed: 1 })).toBe('3 accepted, 2 refused, 1 failed')
  })
})

describe('a command that is advised is about that org', () => {
  test.each([
    ['acme', 'limit set acme N'],
    ["two words; it's", `limit set 'two words; it'"'"'s' N`],
    ['$& $$ $` $1', "limit set '$& $$ $` $1' N"],
  ])('%s', (org, command) => expect(adviceFor(org, 'limit set ORG N')).toBe(command))

  test.each(['back\\slash', 'line\nbreak'])('or about none: %j', (org) => {
    expect(adviceFor(org, 'limit set ORG N')).toBe('limit set ORG N')
  })
})

test('the table of nodes has their leases where two have one name, since drain then asks for a lease', () => {
  const page = { rows: 24, paint: (_: string, text: string) => text }
  const row = (name: string, lease: number) => ({ name, lease, connections: 3, leaseExpiresInMs: 4_000 })
  expect(nodeTable(page, [{ ...row('a', 1_001), version: '1.2.3' }, row('a', 22)])).toEqual([
    'HELD  HEARTBEAT  LEASE ENDS IN  UP  VERSION  LEASE  NODE',
    '   3                       4 s      1.2.3     1001  a',
    '   3                       4 s                  22  a',
  ])
  expect(nodeTable(page, [row('a', 1_001), row('b', 22)]).join()).not.toContain('1001')
})
