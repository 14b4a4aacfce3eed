import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { leakGate } from '../support/leak-gate.js'
import { startServer } from '../support/processes.js'
import { buildCommand } from './cli-build.js'

leakGate()

test('a container engine learns whether the node is ready, and why it is not', async () => {
  const command = await buildCommand()
  const server = await startServer()
  const port = new URL(server.adminUrl).port
  const healthcheck = (...args: string[]) =>
    spawnSync(process.execPath, [command, 'healthcheck', ...args], { encoding: 'utf8', env: { ADMIN_PORT: port } })
  try {
    const ready = healthcheck()
    expect(ready.status).toBe(0)
    expect(JSON.parse(ready.stdout)).toMatchObject({ status: 'ok', phase: 'running' })
    expect(healthcheck('--live').status).toBe(0)
  } finally {
    await server.stop()
  }
  const gone = healthcheck()
  expect(gone.status).toBe(1)
  expect(gone.stderr).toBe(
    `headcount: http://127.0.0.1:${port}/readyz does not answer: nobody listens there\n` +
      '  is a node running there? --url or ADMIN_PORT says where\n',
  )
}, 60_000)
