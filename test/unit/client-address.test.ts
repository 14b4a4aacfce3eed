import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UsageError } from '../../src/core/errors.js'
import { clientAddress, networksOf } from '../../src/gate/client-address.js'
import { countedAs } from '../../src/net/counted-address.js'

const TRUSTED = '10.0.0.0/8, 192.0.2.7, fd00::/8'

function from(peer: string | undefined, forwarded?: string, trusted = TRUSTED): string | undefined {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
  const addressOf = clientAddress(networksOf(trusted))
  const asked = () => addressOf({ socket: { remoteAddress: peer }, headers } as IncomingMessage)
  const first = asked()
  expect(asked(), 'as it is remembered').toBe(first)
  return first
}

describe('the address of a client', () => {
  test.each([
    ['a peer that is no proxy is not believed', '198.51.100.1', '203.0.113.9', '198.51.100.1'],
    ['a proxy alone', '10.1.2.3', undefined, '10.1.2.3'],
    ['behind one proxy', '10.1.2.3', '203.0.113.9', '203.0.113.9'],
    ['what the client made up stands left of what the proxy wrote', '10.1.2.3', '1.1.1.1, 203.0.113.9', '203.0.113.9'],
    ['through two proxies', '10.1.2.3', '1.1.1.1, 203.0.113.9, 10.9.9.9', '203.0.113.9'],
    ['a client inside', '10.1.2.3', '10.4.4.4, 10.9.9.9', '10.4.4.4'],
    ['a proxy by its own address', '192.0.2.7', '203.0.113.9', '203.0.113.9'],
    ['its neighbour is none', '192.0.2.8', '203.0.113.9', '192.0.2.8'],
    ['an unknown hop ends the trace', '10.1.2.3', '203.0.113.9, unknown, 10.9.9.9', '10.9.9.9'],
    ['nonsense', '10.1.2.3', ' , ;<script>', '10.1.2.3'],
    ['an empty header', '10.1.2.3', '', '10.1.2.3'],
    ['with a port', '10.1.2.3', '203.0.113.9:4711', '203.0.113.9'],
    ['IPv6 with a port', 'fd00::1', '[2001:DB8::9]:4711', '2001:db8::9'],
    ['IPv6 as it is', 'fd00::1', '2001:0db8:0:0::9', '2001:db8::9'],
    ['IPv4 in IPv6 is IPv4, at both ends', '::ffff:10.1.2.3', '::ffff:203.0.113.9', '203.0.113.9'],
    ['a zone', 'fe80::1%eth0', undefined, 'fe80::1'],
    ['octal spelling is none', '10.1.2.3', '0203.0.113.9', '10.1.2.3'],
    ['no peer', undefined, '203.0.113.9', undefined],
  ])('%s', (_, peer, forwarded, address) => {
    expect(from(peer, forwarded)).toBe(address)
  })

  test.each([
    { most: undefined, sent: 999, address: '203.0.113.9' },
    { most: undefined, sent: 1_000, address: '10.1.2.3' },
    { most: null, sent: 1_023, address: '10.1.2.3' },
    { most: 50, sent: 50, address: '10.1.2.3' },
    { most: 0, sent: 4_000, address: '203.0.113.9' },
  ])(
    'of $sent headers, where a server keeps $most, what the proxy wrote may be left out',
    ({ most, sent, address }) => {
      const socket = { remoteAddress: '10.1.2.3', server: { maxHeadersCount: most } }
      const headers = { 'x-forwarded-for': '203.0.113.9' }
      const request = { socket, headers, rawHeaders: Array(2 * sent).fill('') }
      expect(clientAddress(networksOf(TRUSTED))(request as unknown as IncomingMessage)).toBe(address)
    },
  )

  test.each([
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::FFFF:10.1.2.3', '10.1.2.3'],
    ['::ffff:1.2.3', undefined],
    ['::ffff:a01:203', '10.1.2.3'],
    ['2001:DB8::1', '2001:db8::1'],
  ])('without trusted proxies %s is %s', (peer, address) => {
    expect(from(peer, undefined, '')).toBe(address)
  })

  test.each([
    ['::ffff:10.0.0.0/104', '10.1.2.3'],
    ['::ffff:10.0.0.0/104', '::ffff:10.1.2.3'],
    ['::ffff:a01:203', '10.1.2.3'],
    ['::ffff:0.0.0.0/96', '10.1.2.3'],
  ])('a network that is written as IPv4 in IPv6 (%s) is that of IPv4', (trusted, peer) => {
    expect(from(peer, '203.0.113.9', trusted)).toBe('203.0.113.9')
    expect(from('fd00::1', '203.0.113.9', trusted)).toBe('fd00::1')
  })

  test('without trusted proxies nobody is believed', () => {
    expect(from('10.1.2.3', '203.0.113.9', '')).toBe('10.1.2.3')
  })

  test('a chain of thousands of trusted hops is followed no farther than is sensible', () => {
    expect(from('10.0.0.1', `203.0.113.9${', 10.0.0.2'.repeat(2_000)}`)).toBe('10.0.0.2')
  })

  test('whatever a header says, there is an answer, and it is an address', () => {
    const hop = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.ipV4Extended(),
      fc.string(),
      fc.constantFrom('10.0.0.1', '[', '::', ':1'),
    )
    fc.assert(
      fc.property(fc.array(hop), (hops) => isIP(from('10.0.0.1', hops.join(','))!) !== 0),
      { numRuns: 2_000 },
    )
  })

  test.each([
    'nonsense',
    '10.0.0.0/33',
    '10.0.0/8',
    '::/129',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '::ffff:10.0.0.0/95',
  ])('%s is no network', (entry) => {
    expect(() => networksOf(`127.0.0.1,${entry}`)).toThrow(UsageError)
  })
})

test('IPv6 counts by its /64, IPv4 by itself', () => {
  expect(countedAs('203.0.113.9')).toBe('203.0.113.9')
  expect(countedAs('::ffff:203.0.113.9')).toBe('203.0.113.9')
  expect(countedAs('fe80::1%eth0')).toBe('fe80:0:0:0::/64')
  expect(countedAs('a socket')).toBe('a socket')
  expect(countedAs('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
  expect(countedAs('2001:db8:1:2:ffff::')).toBe('2001:db8:1:2::/64')
  expect(countedAs('2001:db8:1:3::')).not.toBe('2001:db8:1:2::/64')
})
