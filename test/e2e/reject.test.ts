import { expect, onTestFinished, test } from 'vitest'
import type { WebSocket } from 'ws'
import { startFleet } from '../support/fleet.js'
import { connectGateway } from '../support/gateways.js'
import { startCli, startServer } from '../support/processes.js'
import { openAsBrowser, visitAsBrowser } from '../support/told-inside.js'
import { until } from '../support/until.js'

test('S1, S2: over two nodes browsers learn why they are turned away, gateways get a status, and neither takes a slot', async () => {
  const fleet = await startFleet({ count: 2, env: { HEADCOUNT_REJECT: 'auto', WS_MAX_CONNECTIONS_PER_ORG: '3' } })
  onTestFinished(() => fleet.stop())
  const key = fleet.keyOf('acme')
  const acks: string[] = []
  const holders: WebSocket[] = fleet.urls.flatMap((url) =>
    [1, 2].map(() => openAsBrowser(url, { key, origin: 'null' })),
  )
  for (const ws of holders) ws.on('message', (data) => acks.push(JSON.parse(String(data)).type))
  await until(() => acks.length === 4)
  // Four came for three slots.
  expect(acks.sort()).toEqual(['connection.ack', 'connection.ack', 'connection.ack', 'error'])
  const told = await Promise.all(Array.from({ length: 20 }, (_, i) => visitAsBrowser(fleet.urls[i % 2]!, { key })))
  for (const { frames, close } of told) {
    expect(frames).toMatchObject([{ code: 'ORG_CONNECTION_LIMIT_EXCEEDED', currentCount: 3, maxAllowed: 3 }])
    expect(close).toEqual({ code: 4429, reason: 'ORG_CONNECTION_LIMIT_EXCEEDED' })
  }
  expect(await connectGateway(fleet.urls[0]!, { key })).toMatchObject({ accepted: false, status: 429 })
  expect(await fleet.nodes[1]!.admin('/admin/v1/orgs/acme')).toMatchObject({ currentCount: 3, maxAllowed: 3 })
  for (const ws of holders) ws.terminate()
  await until(async () => {
    const { currentCount } = await fleet.nodes[0]!.admin<{ currentCount: number }>('/admin/v1/orgs/acme')
    return currentCount === 0
  })
  expect((await connectGateway(fleet.urls[1]!, { key })).accepted).toBe(true)
})

test('the command line tells such a refusal like any other, with the close code', async () => {
  const node = await startServer({ env: { HEADCOUNT_REJECT: 'close', WS_MAX_CONNECTIONS_PER_ORG: '1' } })
  onTestFinished(() => node.stop())
  const cli = await startCli(['connect', '--url', node.url, '--key', 'demo-key-acme', '-n', '2'])
  onTestFinished(() => cli.kill())
  const refused = / refused {2}4429 ORG_CONNECTION_LIMIT_EXCEEDED currentCount=1 maxAllowed=1 Retry-After=\d/
  await until(() => refused.test(cli.output()) && cli.output().includes('1 accepted, 1 refused'))
})
