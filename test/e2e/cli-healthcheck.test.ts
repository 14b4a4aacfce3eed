import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { leakGate } from '../support/leak-gate.js'
import { spawnOwned } from '../support/owned-process.js'
import { freePort, startServer } from '../support/processes.js'
import { buildCommand } from './cli-build.js'

leakGate()

let command: string
beforeAll(async () => {
  command = await buildCommand()
}, 120_000)

test('whoever answers in the place of a node commands no terminal', async () => {
  const stranger = createServer((_, response) => response.end('\u001b]0;mine\u0007\u009b2J\u202e')).listen(
    0,
    '127.0.0.1',
  )
  onTestFinished(() => void stranger.close())
  await once(stranger, 'listening')
  const { port } = stranger.address() as AddressInfo
  const asked = await spawnOwned(process.execPath, [command, 'healthcheck', '--port', `${port}`])
  await asked.exited
  expect(asked.output()).toBe('\\u{1b}]0;mine\\u{7}\\u{9b}2J\\u{202e}\n')
}, 60_000)

test('a container engine learns whether the node is ready, and why it is not', async () => {
  const server = await startServer()
  const port = new URL(server.adminUrl).port
  const asked = (env: Record<string, string>, ...args: string[]) =>
    spawnSync(process.execPath, [command, 'healthcheck', ...args], { encoding: 'utf8', env })
  const healthcheck = (...args: string[]) => asked({ ADMIN_PORT: port }, ...args)
  const elsewhere = `http://127.0.0.1:${await freePort()}`
  try {
    const ready = healthcheck()
    expect(ready.status).toBe(0)
    expect(JSON.parse(ready.stdout)).toMatchObject({ status: 'ok', phase: 'running' })
    expect(healthcheck('--live').stdout).toContain('"status":"ok"}')
    const url = `http://127.0.0.1:${port}`
    for (const given of [url, `${url}/`, `${url}/readyz`, `${url}/livez/`]) {
      expect(healthcheck('--url', given).stdout, given).toBe(ready.stdout)
    }
    expect(asked({ HEADCOUNT_ADMIN_URL: url, ADMIN_PORT: '' }).stdout).toBe(ready.stdout)
    expect(asked({ HEADCOUNT_ADMIN_URL: '', ADMIN_PORT: port }).stdout).toBe(ready.stdout)
    expect(asked({ HEADCOUNT_ADMIN_URL: elsewhere }, '--port', port).stdout, 'what is typed counts').toBe(ready.stdout)
    expect(asked({ HEADCOUNT_ADMIN_URL: elsewhere, ADMIN_PORT: port }).status).toBe(1)
  } finally {
    await server.stop()
  }
  expect(healthcheck('--url', 'foo')).toMatchObject({ status: 1, stderr: expect.stringContaining('It must look like') })
  expect(healthcheck('--port', 'abc')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('It must be a port'),
  })
  const gone = healthcheck()
  expect(gone.status).toBe(1)
  expect(gone.stderr).toBe(
    `headcount: http://127.0.0.1:${port}/readyz does not answer: nobody listens there\n` +
      '  is a node running there? --url, HEADCOUNT_ADMIN_URL or ADMIN_PORT says where\n',
  )
}, 60_000)
