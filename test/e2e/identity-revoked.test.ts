import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startFleet } from '../support/fleet.js'
import { type Accepted, connectGateway } from '../support/gateways.js'
import { temporaryDirectory } from '../support/owned-process.js'
import { until } from '../support/until.js'

const row = (key: string, more: object = {}) => ({ key, orgId: 'acme', gatewayId: `of-${key}`, ...more })

test('keys that are revoked, disabled or given away close their connections with 4401 on every node, and no others', async () => {
  const path = join(temporaryDirectory(), 'keys.json')
  const write = (...keys: object[]) => writeFileSync(path, JSON.stringify({ keys }))
  write(row('stays'), row('revoked'), row('disabled'), row('given'))
  const env = { HEADCOUNT_KEYS_FILE: path, WS_MAX_CONNECTIONS_PER_ORG: '1000', HEADCOUNT_LOG_LEVEL: 'debug' }
  const fleet = await startFleet({ count: 2, env })
  onTestFinished(() => fleet.stop())
  const open = async (key: string) => {
    const results = await Promise.all(Array.from({ length: 6 }, (_, i) => connectGateway(fleet.urls[i % 2]!, { key })))
    expect(results.every(({ accepted }) => accepted)).toBe(true)
    return results as Accepted[]
  }
  const [stays, ...going] = [await open('stays'), await open('revoked'), await open('disabled'), await open('given')]
  write(row('stays', { tier: 'paid' }), row('disabled', { disabled: true }), row('given', { orgId: 'globex' }))
  // Closing begins within a second of the look at the file; the rest of the time is for a busy machine.
  const closings = await Promise.all(going.flat().map(({ closed }) => closed))
  expect(new Set(closings.map(({ code }) => code))).toEqual(new Set([4401]))
  expect(stays!.map(({ ws }) => ws.readyState)).toEqual(Array(6).fill(1))
  await until(async () => (await fleet.books.count('acme')) === 6, {
    what: 'only the slots of the key that stays are taken (L1)',
  })
  const statuses = await Promise.all(['revoked', 'disabled'].map((key) => connectGateway(fleet.urls[0]!, { key })))
  expect(statuses).toMatchObject([{ status: 401 }, { status: 403 }])
  const told = await until(async () => {
    // Of an org eight notes a second are handed on, and the closings came first.
    await connectGateway(fleet.urls[0]!, { key: 'disabled' })
    const found = await fleet.nodes[1]!.admin<{ refusals: { code: string }[] }>('/admin/v1/refusals?org=acme')
    return found.refusals.find(({ code }) => code === 'ORG_DISABLED')
  })
  expect(told).toMatchObject({ orgId: 'acme', gatewayId: 'of-disabled' })
  expect(fleet.nodes[0]!.output()).toContain('"code":"ORG_DISABLED","org":"acme","gateway":"of-disabled"')
  for (const node of fleet.nodes) expect(node.output()).not.toMatch(/"(revoked|disabled|given|stays)"/)
  for (const one of stays!) one.terminate()
}, 60_000)
