import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { spawnOwned } from '../support/owned-process.js'
import { freePort, spawnServer } from '../support/processes.js'
import { handshake, RawClient } from '../support/raw-client.js'
import { startRedis } from '../support/redis.js'
import { until } from '../support/until.js'

/** A port that somebody else listens on. */
async function busyPort(): Promise<string> {
  const port = await freePort()
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve))
  onTestFinished(() => void other.close())
  return String(port)
}

test.each(['PORT', 'ADMIN_PORT'])(
  'a node whose %s is taken says so and never comes to the cluster',
  async (variable) => {
    const redis = await startRedis()
    onTestFinished(() => redis.stop())
    const server = await spawnServer({ env: { REDIS_URL: redis.url, [variable]: await busyPort() } })
    onTestFinished(() => server.stop())
    expect((await server.exited).code).toBe(78)
    expect(server.output()).toContain(`EADDRINUSE); set ${variable} or`)
    expect(server.output()).not.toContain('lease taken')
  },
)

test('a certificate that cannot be read is named with its setting, the cause first and without the forms of URLs', async () => {
  const server = await spawnServer({ env: { REDIS_URL: 'rediss://h?ca=/nope.pem' } })
  onTestFinished(() => server.stop())
  expect((await server.exited).code).toBe(78)
  const line = server.output().trim().split('\n').at(-1)!
  expect(line).toMatch(
    /^headcount: REDIS_URL: the Redis URL cannot be used: the file of the option "ca" cannot be read/,
  )
  expect(line).not.toContain('redis+sentinel://')
})

test('a full disk for all that it writes neither ends a node nor keeps it from ending', async () => {
  const adminPort = await freePort()
  const full = openSync('/dev/full', 'w')
  const child = spawn(process.execPath, ['dist/server/main.js'], {
    env: { PATH: process.env.PATH, PORT: '0', ADMIN_PORT: String(adminPort) },
    stdio: ['ignore', full, full],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  await until(async () => (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).ok, { what: 'it is ready' })
  child.kill('SIGTERM')
  expect(await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, 5_000, 'hangs'))])).toEqual([0, null])
})

test.each([
  ['has stalled', false],
  ['has stalled and leaves', true],
])('a reader of its log that %s does not keep a node from ending', async (_, leaves) => {
  const directory = mkdtempSync(join(tmpdir(), 'headcount-log-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const [pipe, port] = [join(directory, 'log'), await freePort()]
  execFileSync('mkfifo', [pipe])
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK)
  const writer = openSync(pipe, 'w')
  const child = spawn(process.execPath, ['dist/server/main.js'], {
    env: { PATH: process.env.PATH, PORT: String(port), ADMIN_PORT: '0', HEADCOUNT_LOG_LEVEL: 'trace' },
    stdio: ['ignore', writer, 'ignore'],
  })
  closeSync(writer)
  onTestFinished(() => {
    child.kill('SIGKILL')
    if (!leaves) closeSync(reader)
  })
  const exited = once(child, 'exit')
  // A pipe holds 64 KiB; each attempt leaves some lines.
  const attempt = async () => {
    const client = new RawClient(port).send(handshake({ 'api-key': 'demo-key-acme' }))
    await until(() => client.ended || client.status > 0, { what: 'an answer' })
    client.reset()
    return client.status
  }
  await until(async () => (await attempt()) === 101, { what: 'it admits' })
  for (let i = 0; i < 50; i++) await Promise.all(Array.from({ length: 10 }, attempt))
  child.kill('SIGTERM')
  // A reader that goes while the last lines wait for it is no reason to stay either.
  if (leaves) setTimeout(() => closeSync(reader), 300)
  expect(await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, 8_000, 'hangs'))])).toEqual([0, null])
})

test('L4: a signal before the server is up ends the start with 0, also where a process without a listener ignores it', async () => {
  let isAsked = false
  // Whoever asks for the key set waits, and the start with it.
  const silent = createServer(() => {
    isAsked = true
  })
  const port = await freePort()
  await new Promise<void>((resolve) => silent.listen(port, '127.0.0.1', resolve))
  onTestFinished(() => void silent.close())
  const env = {
    HEADCOUNT_JWKS_URL: `http://127.0.0.1:${port}/`,
    HEADCOUNT_JWT_ISSUER: 'i',
    HEADCOUNT_JWT_AUDIENCE: 'a',
  }
  const server = await spawnServer({ env })
  onTestFinished(() => server.stop())
  await until(() => isAsked)
  server.kill('SIGTERM')
  expect(await server.exited).toEqual({ code: 0, signal: null })
  expect(server.output()).toContain('stopping')
  expect(server.output()).not.toContain('lease taken')
})

test('a node that may not open as many files as its connections need says so at its start', async () => {
  const startWith = async (maxConnections: number) => {
    const node = await spawnOwned('sh', ['-c', 'ulimit -n 912 && exec "$0" dist/server/main.js', process.execPath], {
      env: { PORT: '0', ADMIN_PORT: '0', WS_MAX_CONNECTIONS: String(maxConnections) },
    })
    onTestFinished(() => node.kill())
    await until(() => node.stderr().includes('headcount listens on'))
    return node
      .stdout()
      .split('\n')
      .filter((line) => line.includes('too few open files'))
  }
  expect(await startWith(200)).toEqual([])
  const lines = await startWith(201)
  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'warn', openFiles: 912, needed: 913, maxConnections: 201 })
})
