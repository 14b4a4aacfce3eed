import { expect, onTestFinished, test } from 'vitest'
import { startFleet } from '../support/fleet.js'
import { connectGateway } from '../support/gateways.js'
import { startServer } from '../support/processes.js'
import { handshake, RawClient } from '../support/raw-client.js'
import { until } from '../support/until.js'

interface Holders {
  readonly connections: readonly { readonly address: string }[]
}

test('a server behind a proxy: who floods is refused, others are not, and operators see whose address it is', async () => {
  const node = await startServer({
    env: { WS_RATE_LIMIT_PER_MINUTE: '3', HEADCOUNT_TRUSTED_PROXIES: '127.0.0.1,::1' },
  })
  onTestFinished(() => node.stop())
  const come = (address: string) =>
    connectGateway(node.url, { key: 'demo-key-acme', headers: { 'x-forwarded-for': `10.6.6.6, ${address}` } })
  for (let attempt = 1; attempt <= 3; attempt++) expect((await come('2001:db8::1')).accepted).toBe(true)
  expect(await come('2001:db8::2')).toMatchObject({ status: 429, body: { code: 'CONNECTION_RATE_LIMIT_EXCEEDED' } })
  // Another address gets as far as the limit of the org.
  expect(await come('192.0.2.1')).toMatchObject({ status: 429, body: { code: 'ORG_CONNECTION_LIMIT_EXCEEDED' } })
  const { connections } = await node.admin<Holders>('/admin/v1/orgs/acme/connections')
  expect(connections.map(({ address }) => address)).toEqual(Array(3).fill('2001:db8::1'))
  await until(() => node.output().includes('"address":"192.0.2.1"'))
  expect(node.output()).toContain('"address":"2001:db8::2"')
})

test('a client behind a proxy that adds its line at the end cannot push that out by a thousand headers', async () => {
  const node = await startServer({
    env: { WS_RATE_LIMIT_PER_MINUTE: '2', HEADCOUNT_TRUSTED_PROXIES: '127.0.0.1,::1' },
  })
  onTestFinished(() => node.stop())
  const come = async (claimed: number) => {
    const made = `X-Forwarded-For: 203.0.113.${claimed}\r\n${'V:\r\n'.repeat(1_500)}`
    const request = handshake({ 'api-key': 'demo-key-acme' }).slice(0, -2)
    const client = new RawClient(node.port).send(`${request}${made}X-Forwarded-For: 192.0.2.1\r\n\r\n`)
    onTestFinished(() => client.reset())
    await until(() => client.status > 0)
    return client.status
  }
  expect([await come(1), await come(2), await come(3)]).toEqual([101, 101, 429])
})

test('control: a stranger who claims to be many is counted as one', async () => {
  const node = await startServer({ env: { WS_RATE_LIMIT_PER_MINUTE: '1' } })
  onTestFinished(() => node.stop())
  const come = (address: string) =>
    connectGateway(node.url, { key: 'demo-key-acme', headers: { 'x-forwarded-for': address } })
  expect((await come('192.0.2.1')).accepted).toBe(true)
  expect(await come('192.0.2.2')).toMatchObject({ status: 429, body: { code: 'CONNECTION_RATE_LIMIT_EXCEEDED' } })
})

test('each node counts the attempts that reach it, while the limit of the org is that of all', async () => {
  const fleet = await startFleet({ count: 2, env: { WS_RATE_LIMIT_PER_MINUTE: '2' } })
  onTestFinished(() => fleet.stop())
  const come = (node: number) => connectGateway(fleet.urls[node]!, { key: fleet.keyOf('acme') })
  expect([await come(0), await come(0)]).toMatchObject([{ accepted: true }, { accepted: true }])
  expect(await come(0)).toMatchObject({ status: 429, body: { code: 'CONNECTION_RATE_LIMIT_EXCEEDED' } })
  expect(await come(1)).toMatchObject({ accepted: true })
  expect(await come(1)).toMatchObject({ status: 429, body: { code: 'ORG_CONNECTION_LIMIT_EXCEEDED', currentCount: 3 } })
})
