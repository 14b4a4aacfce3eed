import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { parseRedisUrl } from '../../src/store/redis/url.js'
import { waysTo } from '../../src/store/redis/ways.js'

const server = (host: string, port: number) => ({ kind: 'server', server: { host, port } })

describe('the address of a Redis', () => {
  test.each([
    ['redis://h', { at: server('h', 6379), database: 0, login: {}, description: 'redis://h' }],
    ['redis://h:1/', { at: server('h', 1), database: 0 }],
    ['redis://[::1]:7/12', { at: server('::1', 7), database: 12, description: 'redis://[::1]:7/12' }],
    ['redis://:p%40%2F@h', { login: { password: 'p@/' }, description: 'redis://h' }],
    ['redis://u:p@x@h', { login: { username: 'u', password: 'p@x' }, description: 'redis://h' }],
    [
      'rediss://h?ca=/a%20b.pem&cert=c&key=k&servername=s',
      { tls: { ca: '/a b.pem', cert: 'c', key: 'k', servername: 's' }, description: 'rediss://h' },
    ],
    ['rediss://h', { tls: {} }],
    ['redis+unix:///run/redis.sock', { at: { kind: 'socket', path: '/run/redis.sock' }, database: 0 }],
    ['redis+unix://u:p@/r.sock?db=3', { login: { username: 'u', password: 'p' }, database: 3 }],
    [
      'redis+sentinel://u:p@a,b:7,[::2]:8/my-name.1/4?sentinelUser=s&sentinelPassword=q%26',
      {
        at: {
          kind: 'sentinels',
          sentinels: [
            { host: 'a', port: 26_379 },
            { host: 'b', port: 7 },
            { host: '::2', port: 8 },
          ],
          primary: 'my-name.1',
        },
        login: { username: 'u', password: 'p' },
        sentinelLogin: { username: 's', password: 'q&' },
        database: 4,
        description: 'redis+sentinel://a,b:7,[::2]:8/my-name.1/4',
      },
    ],
    [
      'redis+cluster://u:p@a,b:7',
      {
        at: {
          kind: 'cluster',
          servers: [
            { host: 'a', port: 6_379 },
            { host: 'b', port: 7 },
          ],
        },
        ...{ login: { username: 'u', password: 'p' }, database: 0, buckets: 16, description: 'redis+cluster://a,b:7' },
      },
    ],
    ['rediss+cluster://a/?buckets=256&ca=c', { at: { kind: 'cluster' }, buckets: 256, tls: { ca: 'c' } }],
    ['redis://h', { buckets: 1 }],
    ['rediss+sentinel://a/m?ca=c', { at: { kind: 'sentinels' }, tls: { ca: 'c' }, sentinelLogin: {} }],
  ])('%s is read', (url, read) => {
    expect(parseRedisUrl(url)).toMatchObject(read)
  })

  test('without TLS has none', () => {
    expect(parseRedisUrl('redis+sentinel://a/m')).not.toHaveProperty('tls')
  })

  test.each([
    ['', 'it is no URL of a Redis'],
    ['localhost:6379', 'it is no URL of a Redis'],
    ['redis:/h', 'it is no URL of a Redis'],
    ['redis://h#x', 'it is no URL of a Redis'],
    ['http://h', 'scheme'],
    ['constructor://h', 'scheme'],
    ['redis+cluster://', 'host'],
    ['redis+cluster://a,,b', 'host'],
    ['redis+cluster://a/0', 'path'],
    ['redis+cluster://a?buckets=0', 'buckets'],
    ['redis+cluster://a?buckets=257', 'buckets'],
    ['redis+cluster://a?buckets=1.5', 'buckets'],
    ['redis://a?buckets=16', 'is not known'],
    ['redis://', 'host'],
    ['redis://h/db', 'database'],
    ['redis://h/0/1', 'database'],
    ['redis://h:0', 'port'],
    ['redis://h:65536', 'port'],
    ['redis://a,b', 'host'],
    ['redis://h?db=1', 'is not known; redis:// has none'],
    ['rediss://h?commandTimeout=0', 'is not known; rediss:// may have ca, cert, key, servername'],
    ['redis://u:1?secret&x@h', 'is not known'],
    ['redis://%zz@h', 'percent-encoded'],
    ['redis+sentinel://a,b', 'host'],
    ['redis+sentinel://a,,b/m', 'host'],
    ['redis+sentinel://a/m/x', 'database'],
    ['redis+sentinel:///m', 'host'],
    ['redis+unix://h/sock', 'host'],
    ['redis+unix:///', 'path'],
    ['redis+unix:///s?db=x', 'database'],
    ['redis://u:12/secret@h', 'port'],
  ])('%s is refused: %s', (url, why) => {
    const read = parseRedisUrl(url)
    expect(read).toEqual({ problem: expect.stringContaining(why) })
    expect(JSON.stringify(read)).not.toContain('secret')
  })

  test('is refused at once where a certificate cannot be read, naming the option and the file', () => {
    const dialer = () => waysTo('rediss://h?ca=/nowhere/ca.pem', systemClock)
    expect(dialer).toThrow(expect.objectContaining({ code: 'INVALID_REDIS_URL' }))
    expect(dialer).toThrow(/^the Redis URL cannot be used: the file .* "ca" cannot be read: .*\/nowhere\/ca\.pem'$/)
  })

  test('the cause comes first, and the forms only where the form is at fault', () => {
    expect(() => waysTo('redis://a?x=1', systemClock)).toThrow(
      /^the Redis URL cannot be used: an option .* it takes redis:/,
    )
  })
})
