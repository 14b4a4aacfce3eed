import { expect, test } from 'vitest'
import { banner } from '../../src/server/banner.js'
import { loadConfig } from '../../src/server/config.js'

/** What is said where the server listens. */
function listens(env: Record<string, string>): string[] {
  const loaded = loadConfig({ argv: [], env: { HEADCOUNT_KEYS_FILE: 'keys.json', ...env } })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.errors))
  const server = { port: 8080, adminPort: 8081, adminToken: 't', storeDescription: 's', embedded: false }
  const lines = banner(loaded.config, { ...server, drainOrdered: Promise.resolve(), async stop() {} })
  return [lines[0]!, lines.find((line) => line.includes('admin'))!]
}

test.each(['', '0.0.0.0', '::'])('HOST=%s is all interfaces, and says so', (HOST) => {
  const path = '/api/internal/v1/ws/gateways/connect'
  const said = `headcount listens on all interfaces, e.g. ws://127.0.0.1:8080${path}`
  expect(listens({ HOST })[0]).toBe(said)
})

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['10.0.0.7', '10.0.0.7'],
  ['::1', '[::1]'],
])('HOST=%s is that address alone', (HOST, shown) => {
  expect(listens({ HOST })[0]).toContain(`listens on ws://${shown}:8080/`)
})

test('so does the admin listener, which is on loopback unless told otherwise', () => {
  expect(listens({})[1]).toBe('  admin   http://127.0.0.1:8081')
  expect(listens({ ADMIN_HOST: '0.0.0.0' })[1]).toBe('  admin   all interfaces, e.g. http://127.0.0.1:8081')
})
