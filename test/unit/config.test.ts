import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/server/config.js'
import { settingsHelp } from '../../src/server/config-docs.js'
import { settingsList } from '../../src/server/config-settings.js'
import { settingsTable } from '../house/tables.js'

type Inputs = { argv?: string[]; env?: Record<string, string>; file?: string }

const KEYED = { HEADCOUNT_KEYS_FILE: '/etc/keys.json' }

function load({ argv = [], env = {}, file }: Inputs) {
  const readFile = (path: string) => {
    if (file !== undefined && path === 'config.json') return Buffer.from(file)
    throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
  }
  return loadConfig({ argv, env, readFile })
}

function configOf(inputs: Inputs) {
  const loaded = load(inputs)
  if (!loaded.ok) throw new Error(loaded.errors.map(({ message }) => message).join('\n'))
  return loaded.config
}

function messagesOf(inputs: Inputs): string[] {
  const loaded = load(inputs)
  return loaded.ok ? [] : loaded.errors.map(({ message }) => message)
}

describe('defaults', () => {
  test('are those of the documentation', () => {
    expect(configOf({})).toMatchObject({
      port: 8080,
      host: '127.0.0.1',
      demoKeys: true,
      adminPort: 8081,
      adminHost: '127.0.0.1',
      adminToken: undefined,
      redisUrl: undefined,
      maxConnectionsPerOrg: 3,
      maxConnections: 1000,
      connectionTimeoutMs: 30_000,
      leaseTtlMs: 15_000,
      renewIntervalMs: 3_000,
      storeTimeoutMs: 250,
      keyPrefix: 'hc:1:',
      drainTimeMs: 25_000,
      logLevel: 'info',
    })
  })

  test('every one of them is accepted by its own rule and stands in both tables', () => {
    for (const setting of settingsList) {
      if (setting.default !== undefined) expect(setting.kind.parse(setting.default)).toHaveProperty('value')
      expect(setting.default ?? setting.defaultShown).toBeDefined()
      expect(settingsTable()).toContain(`| \`${setting.name}\` | \`${setting.flag}\` |`)
      expect(settingsHelp()).toContain(`${setting.flag}, ${setting.name} (`)
    }
  })

  test('give each start of a node another name', () => {
    const [one, two] = [configOf({}).nodeName, configOf({}).nodeName]
    expect(one).toMatch(/^.+#[0-9a-f]{6}$/)
    expect(one).not.toBe(two)
    expect(configOf({ env: { HEADCOUNT_NODE_NAME: 'node-a' } }).nodeName).toBe('node-a')
  })
})

describe('precedence', () => {
  const file = '{"PORT": 1001, "WS_MAX_CONNECTIONS_PER_ORG": 11, "HEADCOUNT_LOG_LEVEL": "debug"}'
  const env = { PORT: '1002', WS_MAX_CONNECTIONS_PER_ORG: '12', HEADCOUNT_CONFIG: 'config.json' }

  test('is flag, environment, file, default', () => {
    const config = configOf({ argv: ['--port', '1003'], env, file })
    expect(config).toMatchObject({ port: 1003, maxConnectionsPerOrg: 12, logLevel: 'debug', maxConnections: 1000 })
  })

  test('--flag=value is the same, and the last one wins', () => {
    expect(configOf({ argv: ['--port=1', '--port=2'] }).port).toBe(2)
    expect(configOf({ argv: ['--config=config.json'], file }).port).toBe(1001)
  })

  test('an empty variable counts as none', () => {
    expect(configOf({ env: { PORT: '', REDIS_URL: '', HOST: '' } })).toMatchObject({ port: 8080, redisUrl: undefined })
  })

  test('every flag and every variable arrives at its setting', () => {
    for (const setting of settingsList) {
      const broken = setting.id === 'keysFile' || setting.id === 'configFile' ? '\0' : 'no such\u0000{value}'
      expect(messagesOf({ env: { [setting.name]: broken } }).join()).toContain(setting.name)
      expect(messagesOf({ argv: [`${setting.flag}=${broken}`] }).join()).toContain(setting.name)
    }
  })
})

describe('a bad value names the variable, the value and what is accepted', () => {
  test.each([
    ['PORT', '99999', 'a port number'],
    ['PORT', '80a', 'a port number'],
    ['PORT', '-1', 'a port number'],
    ['WS_MAX_CONNECTIONS_PER_ORG', '3.5', 'a whole number'],
    ['WS_MAX_CONNECTIONS', '0', 'from 1'],
    ['HEADCOUNT_LEASE_TTL', '15', 'with its unit'],
    ['HEADCOUNT_LEASE_TTL', '15 parsecs', 'with its unit'],
    ['HEADCOUNT_LEASE_TTL', '25h', 'up to 24h'],
    ['WS_CONNECTION_TIMEOUT', '0', 'from 100ms'],
    ['HEADCOUNT_KEY_PREFIX', 'a{b}', 'without braces'],
    ['HEADCOUNT_KEY_PREFIX', 'hc:*', 'without braces'],
    ['HEADCOUNT_KEY_PREFIX', 'h c', 'white space'],
    ['HEADCOUNT_LOG_LEVEL', 'loud', 'trace, debug, info'],
    ['HOST', 'http://x', 'without scheme'],
    ['HEADCOUNT_JWT_ISSUER', 'https://issuer.example ', 'without a blank at either end'],
    ['HEADCOUNT_JWT_AUDIENCE', '\u00a0headcount', 'without a blank at either end'],
    ['REDIS_URL', 'localhost:6379', 'redis://'],
    ['REDIS_URL', 'http://localhost', 'redis://'],
    ['REDIS_URL', 'redis+sentinel://a', 'primary-name'],
    ['REDIS_URL', 'redis+cluster://a,', 'host'],
    ['REDIS_URL', 'redis://a?commandTimeout=0', 'is not known'],
    ['REDIS_URL', 'redis://a/db', 'redis://'],
  ])('%s=%s', (name, value, accepted) => {
    const messages = messagesOf({ env: { ...KEYED, [name]: value } })
    expect(messages).toHaveLength(1)
    expect(messages[0]).toContain(`${name} in the environment is `)
    expect(messages[0]).toContain(value.includes('?') ? 'not shown' : value.replace(':6379', ':…'))
    expect(messages[0]).toContain(accepted)
  })

  test('all of them are reported at once', () => {
    expect(messagesOf({ argv: ['--port', 'x', '--nonsense'], env: { HEADCOUNT_LEASE_TTL: '1' } })).toHaveLength(3)
  })

  test('and a secret of digits is never shown, also where it could be a port', () => {
    const urls = [
      'redis://u:90210/x',
      'u:90210',
      'foo://u:90210',
      'redis+sentinel://u:90210',
      'redis+cluster://u:90210,',
    ]
    const all = [...urls, 'redis://u:90210', 'redis://[::1]:90210'].flatMap((url) =>
      messagesOf({ env: { REDIS_URL: url } }),
    )
    expect(all).toHaveLength(7)
    expect(all.join('\n')).not.toContain('90210')
    expect(all.at(-1)).toContain('"redis://[::1]:…"')
  })

  test('and a secret is never shown', () => {
    const secret = 'geheim'
    const all = [
      ...messagesOf({ env: { REDIS_URL: `redis://u:${secret}@h/x` } }),
      ...messagesOf({ env: { REDIS_URL: `redis//u:${secret}@h` } }),
      ...messagesOf({ env: { REDIS_URL: `redis+cluster://${secret}@h/1` } }),
      ...messagesOf({ env: { REDIS_URL: `u:${secret}@h` } }),
      ...messagesOf({ env: { REDIS_URL: `redis://u:12/${secret}@h` } }),
      ...messagesOf({ env: { REDIS_URL: `cache.example:6380,password=${secret},ssl=True` } }),
      ...messagesOf({ env: { REDIS_URL: `cache.example:6379 -a ${secret}` } }),
      ...messagesOf({ env: { REDIS_URL: `redis://:${secret}` } }),
      ...messagesOf({ env: { REDIS_URL: `redis://default:${secret}` } }),
      ...messagesOf({ env: { REDIS_URL: secret } }),
      ...messagesOf({ env: { HEADCOUNT_WEBHOOK_URL: `hooks.example/services/${secret}` } }),
      ...messagesOf({ env: { HEADCOUNT_WEBHOOK_URL: `https://hooks.example/services/${secret}#x` } }),
      ...messagesOf({ env: { HEADCOUNT_JWKS_URL: `https://u:12/${secret}@issuer.example/#x` } }),
      ...messagesOf({ env: { ADMIN_TOKEN: `${secret} ${secret}` } }),
      ...messagesOf({ argv: ['--admin-tokn', secret, secret] }),
      ...messagesOf({ argv: ['--config', 'config.json'], file: `{"ADMIN_TOKEN": "${secret}" x}` }),
      ...messagesOf({ argv: ['--config', 'config.json'], file: `{"ADMIN_TOKEN": {"${secret}": 1}}` }),
    ]
    expect(all).toHaveLength(18)
    expect(all.join('\n')).not.toContain(secret)
  })
})

describe('good values', () => {
  test.each([
    ['250ms', 250],
    ['2s', 2_000],
    ['1.5m', 90_000],
    ['1h', 3_600_000],
    ['45', 45_000],
  ])('WS_CONNECTION_TIMEOUT=%s', (text, ms) => {
    expect(configOf({ env: { WS_CONNECTION_TIMEOUT: text } }).connectionTimeoutMs).toBe(ms)
  })

  test.each([
    ...['redis://h', 'redis://u:p@h:6380/2', 'rediss://[::1]:6379/', 'redis://:p%40@127.0.0.1'],
    ...['redis+sentinel://u:p@a,b:1/name/2?sentinelPassword=x', 'redis+unix:///run/redis.sock?db=3'],
  ])('%s', (url) => {
    expect(configOf({ env: { REDIS_URL: url } }).redisUrl).toBe(url)
  })
})

describe('names that are no setting', () => {
  test('a HEADCOUNT_ variable warns with the nearest name', () => {
    const loaded = load({ env: { HEADCOUNT_RENEW_INTERVALL: '1s', HEADCOUNT_PORT: '1', HEADCOUNT_COFFEE_BEANS: 'x' } })
    expect(loaded.ok).toBe(true)
    expect(loaded.warnings).toEqual([
      'HEADCOUNT_RENEW_INTERVALL is not a setting and has no effect; did you mean HEADCOUNT_RENEW_INTERVAL?',
      'HEADCOUNT_PORT is not a setting and has no effect; did you mean PORT?',
      'HEADCOUNT_COFFEE_BEANS is not a setting and has no effect; `headcount config doc` lists them.',
    ])
  })

  test.each([
    ['WS_MAX_CONNECTION_PER_ORG', 'WS_MAX_CONNECTIONS_PER_ORG'],
    ['WS_MAX_CONECTIONS', 'WS_MAX_CONNECTIONS'],
    ['WS_MAX_CONNECTIONS_PER_TENANT', 'WS_MAX_CONNECTIONS_PER_ORG'],
    ['MAX_CONNECTIONS_PER_ORG', 'WS_MAX_CONNECTIONS_PER_ORG'],
    ['W_MAX_CONNECTIONS_PER_ORG', 'WS_MAX_CONNECTIONS_PER_ORG'],
    ['ADMIN_TOKE', 'ADMIN_TOKEN'],
    ['ADMIN_TOKNE', 'ADMIN_TOKEN'],
    ['ADMIN_READ_TOKENS', 'ADMIN_READ_TOKEN'],
    ['ADMIN_PROT', 'ADMIN_PORT'],
    ['REDIS_URI', 'REDIS_URL'],
    ['HEADCOUT_TIERS', 'HEADCOUNT_TIERS'],
    ['HEADCOUNT_TIRES', 'HEADCOUNT_TIERS'],
    ['HEADCOUNT_MAX_CONNECTIONS', 'WS_MAX_CONNECTIONS'],
  ])('%s, a slip in a name, is told of: %s', (name, meant) => {
    const said = `${name} is not a setting and has no effect; did you mean ${meant}?`
    expect(load({ env: { [name]: '10' } }).warnings).toEqual([said])
  })

  test('what is near nothing is told of without a guess, and only under our own prefix', () => {
    const list = 'is not a setting and has no effect; `headcount config doc` lists them.'
    expect(load({ env: { HEADCOUNT_BOGUS: '1' } }).warnings).toEqual([`HEADCOUNT_BOGUS ${list}`])
    const messages = messagesOf({ argv: ['--config', 'config.json'], file: '{"HEADCOUNT_BOGUS": 1}' })
    expect(messages).toEqual(['HEADCOUNT_BOGUS in config.json is not a setting; `headcount config doc` lists them.'])
    const others = [
      ...['PORTS', 'POST', 'HOSTS', 'HOSTNAME', 'HOSTTYPE', 'REDIS_PORT', 'REDIS_HOST', 'REDIS_SERVICE_HOST'],
      ...['REDIS_PORT_6379_TCP', 'REDIS_PASSWORD', 'ADMIN_USER', 'ADMIN_EMAIL', 'ADMIN_PASSWORD', 'GITHUB_TOKEN'],
      ...['WS_URL', 'WS_PORT', 'WS_HOST', 'WS_PATH', 'WS_NO_BUFFER_UTIL', 'WS_NO_UTF_8_VALIDATE', 'TEST_REDIS_URL'],
      ...['NODE_OPTIONS', 'DATABASE_URL', 'PATH', 'HOME', 'PWD', 'TERM', 'LOG_LEVEL'],
    ]
    expect(load({ env: Object.fromEntries(others.map((name) => [name, 'x'])) }).warnings).toEqual([])
  })

  test('one without a prefix is somebody else’s where the setting itself is there', () => {
    expect(
      load({ env: { REDIS_URI: 'x', REDIS_URL: 'redis://h', ADMIN_TOKENS: 'x', ADMIN_TOKEN: 'y' } }).warnings,
    ).toEqual([])
    const env = { WS_MAX_CONNECTIONS: '10', WS_MAX_CONNECTION: '1' }
    expect(load({ env }).warnings).toHaveLength(1)
  })

  test('what the client and Kubernetes set does not', () => {
    const env = {
      HEADCOUNT_URL: 'ws://x',
      HEADCOUNT_KEY: 'x',
      HEADCOUNT_SERVICE_HOST: '10.0.0.1',
      HEADCOUNT_PORT: 'tcp://10.0.0.1:8080',
      HEADCOUNT_PORT_8080_TCP_ADDR: '10.0.0.1',
      HEADCOUNT_ADMIN_SERVICE_HOST: '10.0.0.2',
      HEADCOUNT_ADMIN_SERVICE_PORT_ADMIN: '8081',
      HEADCOUNT_ADMIN_PORT: 'tcp://10.0.0.2:8081',
      HEADCOUNT_ADMIN_PORT_8081_TCP: 'tcp://10.0.0.2:8081',
    }
    expect(load({ env }).warnings).toEqual([])
    const meant = 'HEADCOUNT_ADMIN_PORT is not a setting and has no effect; did you mean ADMIN_PORT?'
    expect(load({ env: { HEADCOUNT_ADMIN_PORT: '9000' } }).warnings).toEqual([meant])
  })

  test('a flag is refused, and so is a name in the file', () => {
    expect(messagesOf({ argv: ['--prot', '1'] })).toEqual(['--prot is not a flag; did you mean --port?'])
    expect(messagesOf({ argv: ['--coffee-beans', '1'] })).toEqual([
      '--coffee-beans is not a flag; `headcount config doc` lists them.',
    ])
    expect(messagesOf({ argv: ['--port'] })[0]).toContain('--port needs a value')
    expect(messagesOf({ argv: ['port=1'] })[0]).toContain('is not a flag')
    const file = '{"WS_MAX_CONECTIONS": 1, "__proto__": 1, "HEADCOUNT_CONFIG": "x", "PORT": null}'
    const messages = messagesOf({ argv: ['--config', 'config.json'], file })
    expect(messages).toHaveLength(4)
    expect(messages[0]).toBe('WS_MAX_CONECTIONS in config.json is not a setting; did you mean WS_MAX_CONNECTIONS?')
    expect(messages[3]).toBe('PORT in config.json must be a text, a number, true or false.')
  })

  test('a file that cannot be used says why', () => {
    const reasons = ['{"PORT": 1,}', '[]', '"x"', '{"PORT"'].map((file) =>
      messagesOf({ env: { HEADCOUNT_CONFIG: 'config.json' }, file }).join(),
    )
    expect(reasons[0]).toContain('line 1, column 12')
    expect(reasons[1]).toContain('one JSON object')
    expect(reasons[2]).toContain('one JSON object')
    expect(reasons[3]).toContain('not valid JSON')
    expect(messagesOf({ env: { HEADCOUNT_CONFIG: 'missing.json' } }).join()).toContain('ENOENT')
  })
})

describe('settings that depend on each other', () => {
  test.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('demo keys are served on %s', (HOST) => {
    expect(configOf({ env: { HOST } })).toMatchObject({ host: HOST, demoKeys: true })
  })

  test.each(['0.0.0.0', '::', '10.0.0.1', 'example.com', '127.0.0.1.example.com'])('and never on %s', (HOST) => {
    expect(messagesOf({ env: { HOST } })[0]).toContain('HEADCOUNT_KEYS_FILE is not set')
    expect(configOf({ env: { ...KEYED, HOST } })).toMatchObject({ host: HOST, demoKeys: false })
  })

  test('with a key file the default is all interfaces', () => {
    expect(configOf({ env: KEYED }).host).toBeUndefined()
  })

  test('the two listeners need a port each, unless they take free ones', () => {
    expect(messagesOf({ argv: ['--admin-port', '8080'] })[0]).toContain('both 8080')
    expect(messagesOf({ argv: ['--admin-port', '0', '--port', '0'] })).toEqual([])
  })

  test('one token cannot be that of operators and that of who may only look', () => {
    const messages = messagesOf({
      env: { ADMIN_TOKEN: 'geheim-geheim-geheim', ADMIN_READ_TOKEN: 'geheim-geheim-geheim' },
    })
    expect(messages).toEqual([
      'ADMIN_READ_TOKEN is the same as ADMIN_TOKEN, so whoever may look could change everything.',
    ])
    expect(messagesOf({ env: { ADMIN_TOKEN: 'one', ADMIN_READ_TOKEN: 'another' } })).toEqual([])
  })

  test('a token that can be guessed is warned of where the admin listener can be reached from elsewhere', () => {
    const warningsOf = (env: Record<string, string>) => load({ env }).warnings
    const short = { ADMIN_TOKEN: 'a'.repeat(15), ADMIN_READ_TOKEN: 'b'.repeat(15) }
    for (const ADMIN_HOST of ['', '127.0.0.2', '::1', 'localhost']) {
      expect(warningsOf({ ...short, ADMIN_HOST })).toEqual([])
    }
    for (const ADMIN_HOST of ['0.0.0.0', '::', '10.0.0.1', 'node-1']) {
      expect(warningsOf({ ...short, ADMIN_HOST })).toEqual([
        expect.stringContaining('ADMIN_TOKEN has fewer than 16 characters'),
        expect.stringContaining('ADMIN_READ_TOKEN has fewer than 16 characters'),
      ])
      expect(warningsOf({ ADMIN_TOKEN: 'a'.repeat(16), ADMIN_HOST })).toEqual([])
      expect(warningsOf({ ADMIN_HOST })).toEqual([])
    }
  })

  test('the lease must leave room for a late renewal', () => {
    const messages = messagesOf({ env: { HEADCOUNT_LEASE_TTL: '5s' } })
    expect(messages).toHaveLength(1)
    expect(messages[0]).toContain('HEADCOUNT_LEASE_TTL=5s, HEADCOUNT_RENEW_INTERVAL=3s, HEADCOUNT_STORE_TIMEOUT=250ms')
    const env = { HEADCOUNT_LEASE_TTL: '5s', HEADCOUNT_RENEW_INTERVAL: '1s' }
    expect(configOf({ env })).toMatchObject({ leaseTtlMs: 5_000, renewIntervalMs: 1_000, storeTimeoutMs: 250 })
  })

  test('no limit spans orgs that several buckets of a Redis Cluster are to keep', () => {
    const limits = { HEADCOUNT_MAX_CONNECTIONS_PER_ADDRESS: '3', HEADCOUNT_CLUSTER_MAX_CONNECTIONS: '5' }
    const messages = (REDIS_URL: string, env: Record<string, string>) => messagesOf({ env: { REDIS_URL, ...env } })
    expect(messages('redis+cluster://host', limits)).toEqual(
      Object.keys(limits).map((name) => expect.stringMatching(new RegExp(`^${name} .* spans orgs`))),
    )
    for (const url of ['redis+cluster://host?buckets=1', 'redis+sentinel://host/primary', 'redis://host', '']) {
      expect(messages(url, limits), url).toEqual([])
    }
    expect(messages('redis+cluster://host', { HEADCOUNT_CLUSTER_MAX_CONNECTIONS: 'unlimited' })).toEqual([])
  })
})
