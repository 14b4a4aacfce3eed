import { expect, onTestFinished, test } from 'vitest'
import type { ClosingCode } from '../../src/core/closures.js'
import { CountingAdmitter } from '../support/counting-admitter.js'
import { allGone, startGate } from '../support/gate-server.js'
import { leakGate } from '../support/leak-gate.js'
import { handshake, RawClient } from '../support/raw-client.js'
import { until } from '../support/until.js'

leakGate()

/** Some connections of two orgs, none of whose peers answers a close frame, once all were told to close. */
async function told(code: ClosingCode, acme: number, globex: number) {
  const admitter = new CountingAdmitter({ limit: 1_000 })
  const gate = await startGate(admitter, { closeTimeoutMs: 60_000 })
  const clients: RawClient[] = []
  onTestFinished(async () => {
    for (const client of clients) client.reset()
    await allGone(gate, admitter)
  })
  for (const [org, count] of [
    ['acme', acme],
    ['globex', globex],
  ] as const) {
    for (let i = 0; i < count; i++) clients.push(new RawClient(gate.port).send(handshake({ 'api-key': org })))
    // Who was admitted first is told first.
    await until(() => gate.gate.count('open') === clients.length)
  }
  admitter.lose(code)
  const left = (from: number, to: number) => clients.slice(from, to).filter(({ ended }) => !ended).length
  return { gate, ofAcme: () => left(0, acme), ofGlobex: () => left(acme, acme + globex) }
}

test('S5: of one org’s connections that were taken over no more than 32 keep their sockets for peers that are silent', async () => {
  const { gate, ofAcme, ofGlobex } = await told('TAKEN_OVER', 50, 5)
  await until(() => gate.gate.count('open') === 37)
  await until(() => ofAcme() === 32)
  expect(ofGlobex()).toBe(5)
})

test('whoever is closed for another reason is waited for, however many they are', async () => {
  const { gate, ofAcme } = await told('EVICTED', 50, 0)
  expect([gate.gate.count('open'), ofAcme()]).toEqual([50, 50])
})
