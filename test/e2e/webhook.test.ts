import { expect, onTestFinished, test } from 'vitest'
import { printFigures, seconds, spread } from '../support/figures.js'
import { setLimit, startFleet } from '../support/fleet.js'
import { connectGateway } from '../support/gateways.js'
import { type Platform, startPlatform } from '../support/platform.js'
import { percentile } from '../support/probe.js'
import { startServer } from '../support/processes.js'
import { until } from '../support/until.js'

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const KEY = 'demo-key-acme'

interface Told {
  readonly type: string
  readonly count?: number
  readonly data: Record<string, unknown>
}

async function startNode(receiver: Platform | undefined, env: Record<string, string> = {}) {
  const webhook = receiver && { HEADCOUNT_WEBHOOK_URL: receiver.url, HEADCOUNT_WEBHOOK_SECRET: SECRET }
  const node = await startServer({ env: { ...webhook, ...env } })
  onTestFinished(() => node.stop())
  return node
}

const told = ({ asked }: Platform): Told[] => asked.flatMap(({ body }) => JSON.parse(body).data.events)

test('a receiver is told of a node’s life from start to stop, and of no key', async () => {
  const receiver = await startPlatform(() => ({ status: 200 }))
  const node = await startNode(receiver)
  const open = await Promise.all([1, 2, 3].map(() => connectGateway(node.url, { key: KEY })))
  for (let i = 0; i < 3; i++) expect(await connectGateway(node.url, { key: KEY })).toMatchObject({ status: 429 })
  await setLimit(node, 'acme', 5)
  const [first] = open
  if (first?.accepted) await first.close()
  await until(() => told(receiver).some(({ type }) => type === 'connection.closed'))
  node.kill()
  expect(await node.exited).toMatchObject({ code: 0 })
  const types = told(receiver).map(({ type }) => type)
  expect(types.at(0)).toBe('node.started')
  expect(types.at(-1)).toBe('node.stopped')
  const counts = (type: string) =>
    told(receiver)
      .filter((one) => one.type === type)
      .reduce((sum, { count = 1 }) => sum + count, 0)
  const kinds = [
    'connection.opened',
    'connection.closed',
    'connection.refused',
    'org.nearly_full',
    'org.full',
    'limit.changed',
  ]
  expect(kinds.map(counts)).toEqual([3, 3, 3, 1, 1, 1])
  const closings = told(receiver).filter(({ type }) => type === 'connection.closed')
  expect(closings.map(({ data }) => data.reason ?? null).sort()).toEqual(['DRAINING', 'DRAINING', null])
  expect(told(receiver).find(({ type }) => type === 'limit.changed')).toMatchObject({ data: { org: 'acme', limit: 5 } })
  expect(receiver.asked.map(({ body }) => body).join()).not.toContain(KEY)
}, 60_000)

test('two nodes tell what each of them did, and each that sees the org near its limit or at it says so once', async () => {
  const receiver = await startPlatform(() => ({ status: 200 }))
  const env = { HEADCOUNT_WEBHOOK_URL: receiver.url, HEADCOUNT_WEBHOOK_SECRET: SECRET, HEADCOUNT_NEARLY_FULL: '60%' }
  const fleet = await startFleet({ count: 2, env })
  onTestFinished(() => fleet.stop())
  for (const node of [0, 1, 0, 1]) await connectGateway(fleet.urls[node]!, { key: fleet.keyOf('acme') })
  const by = (type: string) =>
    receiver.asked.flatMap(({ body }) => {
      const { node, events } = JSON.parse(body).data as { node: string; events: Told[] }
      return events.filter((one) => one.type === type).map(() => node)
    })
  await until(() => by('connection.refused').length === 1)
  await until(() => by('connection.opened').length === 3)
  expect(by('connection.opened').sort()).toEqual(['node-1', 'node-1', 'node-2'])
  // The second of three went to the second node, the third to the first, and the fourth to the second.
  expect(by('connection.refused')).toEqual(['node-2'])
  for (const type of ['org.nearly_full', 'org.full']) expect(by(type).sort(), type).toEqual(['node-1', 'node-2'])
  const ids = receiver.asked.flatMap(({ body }) =>
    (JSON.parse(body).data.events as { id: string }[]).map(({ id }) => id),
  )
  expect(new Set(ids).size).toBe(ids.length)
}, 60_000)

test('a receiver that hangs: admissions are as fast as without it, and the node stops in time', async () => {
  const receiver = await startPlatform(() => 'silence')
  const env = { WS_MAX_CONNECTIONS_PER_ORG: '1', HEADCOUNT_WEBHOOK_QUEUE: '50' }
  const [hanging, control] = [await startNode(receiver, env), await startNode(undefined, env)]
  const tookMs = { hanging: [] as number[], control: [] as number[] }
  // In turns, so that whatever else the machine does falls on both.
  for (let i = 0; i < 60; i++) {
    for (const [name, node] of [
      ['hanging', hanging],
      ['control', control],
    ] as const) {
      const startMs = performance.now()
      const one = await connectGateway(node.url, { key: KEY })
      tookMs[name].push(performance.now() - startMs)
      if (!one.accepted) throw new Error(`refused with ${one.status}`)
      await one.close()
      await until(async () => (await node.admin<{ currentCount: number }>('/admin/v1/orgs/acme')).currentCount === 0)
    }
  }
  expect(percentile(tookMs.hanging, 0.5)).toBeLessThan(percentile(tookMs.control, 0.5) * 2 + 5)
  // Between two attempts nothing hangs.
  await until(() => receiver.waiting() > 0)
  const startMs = performance.now()
  hanging.kill()
  expect(await hanging.exited).toMatchObject({ code: 0 })
  const stoppedAfterMs = performance.now() - startMs
  printFigures('A webhook that hangs, beside a node without one', {
    'an upgrade with it, median / p99 / max': spread(tookMs.hanging),
    without: spread(tookMs.control),
    'the node stopped after': seconds(stoppedAfterMs),
  })
  expect(stoppedAfterMs).toBeLessThan(15_000)
  expect(hanging.output()).toContain('events for the webhook were dropped')
}, 90_000)

test('a webhook without a secret is refused at start', async () => {
  const receiver = await startPlatform(() => ({ status: 200 }))
  await expect(startServer({ env: { HEADCOUNT_WEBHOOK_URL: receiver.url } })).rejects.toThrow(
    'HEADCOUNT_WEBHOOK_SECRET is not set; with HEADCOUNT_WEBHOOK_URL it must be.',
  )
})
