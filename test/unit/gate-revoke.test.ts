import { expect, onTestFinished, test } from 'vitest'
import type { Identify, Identity } from '../../src/gate/identify.js'
import { CountingAdmitter } from '../support/counting-admitter.js'
import { allGone, startGate } from '../support/gate-server.js'
import { type Accepted, connectGateway } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import { ManualClock } from '../support/manual-clock.js'
import { until } from '../support/until.js'

leakGate()

/** The org is the key; one identity for all connections of a key, as key files have it. */
function keyed() {
  const identities = new Map<string, Identity>()
  const revoked = new Set<string>()
  const identify: Identify = ({ headers }) => {
    const key = String(headers['api-key'])
    const identity = identities.get(key) ?? { org: key, gateway: key }
    identities.set(key, identity)
    return { identified: true, identity }
  }
  return { identify, revoked, mayStay: ({ org }: Identity) => !revoked.has(org) }
}

async function open(url: string, key: string): Promise<Accepted> {
  const result = await connectGateway(url, { key })
  if (!result.accepted) throw new Error(`refused with ${result.status}`)
  onTestFinished(() => result.terminate())
  return result
}

test('who is revoked while being admitted is closed with 4401 as soon as it is open, and its slot given back (L1)', async () => {
  const admitter = new CountingAdmitter()
  const { identify, revoked, mayStay } = keyed()
  const server = await startGate(admitter, { identify, mayStay })
  const letGo = admitter.hold()
  const coming = connectGateway(server.url, { key: 'acme' }).catch(String)
  await until(() => server.gate.count('admitting') === 1)
  revoked.add('acme')
  await server.gate.closeRevoked()
  letGo()
  expect(await coming).toContain('closed with 4401')
  await allGone(server, admitter)
})

test('only who is revoked is closed, at a pace, and all of them', async () => {
  const admitter = new CountingAdmitter({ limit: 1_000 })
  const { identify, revoked, mayStay } = keyed()
  const clock = new ManualClock()
  const server = await startGate(admitter, { identify, mayStay, clock })
  const stays = await Promise.all(Array.from({ length: 10 }, () => open(server.url, 'globex')))
  const goes = await Promise.all(Array.from({ length: 120 }, () => open(server.url, 'acme')))
  expect(new Set(server.gate.identities()).size).toBe(2)
  revoked.add('acme')
  const closing = server.gate.closeRevoked()
  const closed = () => goes.filter(({ ws }) => ws.readyState === ws.CLOSED).length
  for (const told of [50, 100]) {
    await until(() => closed() === told)
    clock.advance(50)
  }
  await closing
  const codes = await Promise.all(goes.map(({ closed }) => closed))
  expect(new Set(codes.map(({ code }) => code))).toEqual(new Set([4401]))
  expect(stays.map(({ ws }) => ws.readyState)).toEqual(Array(10).fill(1))
  await until(() => admitter.count === 10)
})

test('however many are revoked one by one, there is one walk over all connections in 50 ms, and one pace', async () => {
  const admitter = new CountingAdmitter({ limit: 1_000 })
  const { identify, revoked, mayStay } = keyed()
  const clock = new ManualClock()
  let looks = 0
  const counted = (identity: Identity) => {
    looks++
    return mayStay(identity)
  }
  const server = await startGate(admitter, { identify, mayStay: counted, clock })
  const keys = Array.from({ length: 80 }, (_, n) => `key-${n}`)
  const goes = await Promise.all(keys.map((key) => open(server.url, key)))
  const closed = () => goes.filter(({ ws }) => ws.readyState === ws.CLOSED).length
  looks = 0
  const closing = keys.map((key) => {
    revoked.add(key)
    return server.gate.closeRevoked()
  })
  for (const told of [1, 51, 80]) {
    await until(() => closed() === told)
    clock.advance(50)
  }
  await Promise.all(closing)
  expect(looks).toBeLessThanOrEqual(2 * keys.length)
  // Some time later as well.
  goes.push(await open(server.url, 'late'))
  clock.advance(50)
  revoked.add('late')
  await server.gate.closeRevoked()
  await until(() => closed() === 81)
})
