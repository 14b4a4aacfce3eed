import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import type { Identification, Identify } from '../../src/gate/identify.js'
import { CountingAdmitter } from '../support/counting-admitter.js'
import { allGone, startGate } from '../support/gate-server.js'
import { connectGateway, type GatewayResult } from '../support/gateways.js'
import { handshake, RawClient } from '../support/raw-client.js'
import { until } from '../support/until.js'

const ACME: Identification = { identified: true, identity: { org: 'acme', gateway: 'gateway-1' } }

/** A gate that asks `answer`, and the signals that it was given with each request. */
async function asking(answer: (signal: AbortSignal) => ReturnType<Identify>, limit = 3) {
  const signals: AbortSignal[] = []
  const admitter = new CountingAdmitter({ limit })
  const gate = await startGate(admitter, {
    identify(_request, signal) {
      signals.push(signal)
      return answer(signal)
    },
  })
  const knock = async (times: number) => {
    const results: GatewayResult[] = []
    for (let i = 0; i < times; i++) results.push(await connectGateway(gate.url))
    for (const result of results) if (result.accepted) result.terminate()
    return results.map((result) => (result.accepted ? 101 : result.status))
  }
  return { gate, admitter, signals, knock }
}

describe('the signal of identify', () => {
  test('is one for all who are answered at once, and never aborts, whatever becomes of them', async () => {
    const { gate, admitter, signals, knock } = await asking(() => ACME, 1)
    expect(await knock(3)).toEqual([101, 429, 429])
    expect(new Set(signals).size).toBe(1)
    expect(signals[0]!.aborted).toBe(false)
    await allGone(gate, admitter)
  })

  test('is its own for each that has to wait, and is silent once it was answered', async () => {
    const { gate, admitter, signals, knock } = await asking(async () => ACME, 1)
    expect(await knock(3)).toEqual([101, 429, 429])
    expect(new Set(signals).size).toBe(3)
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false, false])
    await allGone(gate, admitter)
  })

  test('aborts when the client leaves while it is asked, and for nobody else', async () => {
    const waits: ((found: Identification) => void)[] = []
    const { gate, admitter, signals } = await asking(() => new Promise((resolve) => waits.push(resolve)))
    const [leaver, stayer] = [new RawClient(gate.port), new RawClient(gate.port)]
    for (const { socket } of [leaver, stayer]) {
      if (socket.connecting) await once(socket, 'connect')
      socket.write(handshake())
      await until(() => signals.length === (socket === leaver.socket ? 1 : 2))
    }
    leaver.reset()
    await until(() => signals[0]!.aborted)
    expect(signals[1]!.aborted).toBe(false)
    stayer.reset()
    await allGone(gate, admitter)
    for (const answer of waits) answer(ACME)
  })

  test('is not handed on by who listens to it, or fails', async () => {
    let isBroken = false
    const { gate, admitter, signals, knock } = await asking((signal) => {
      if (isBroken) throw new Error('broken')
      signal.addEventListener('abort', () => {})
      return ACME
    })
    expect(await knock(2)).toEqual([101, 101])
    isBroken = true
    expect(await knock(2)).toEqual([503, 503])
    expect(new Set(signals).size).toBe(4)
    await allGone(gate, admitter)
  })

  test('who heeds it fails nobody: the answer is whole, and no fault is told', async () => {
    const heeding = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const admitter = new CountingAdmitter()
    const gate = await startGate(admitter, { identify: (_request, signal) => heeding(signal), upgradeTimeoutMs: 100 })
    expect(await connectGateway(gate.url)).toMatchObject({ status: 503, body: { code: 'ADMISSION_UNDECIDED' } })
    const leaver = new RawClient(gate.port).send(handshake())
    await until(() => gate.gate.count('identifying') === 1)
    leaver.reset()
    await allGone(gate, admitter)
    expect(gate.faults).toEqual([])
  })

  test('is another one from time to time, because nobody sees what is made of it', async () => {
    const { gate, admitter, signals, knock } = await asking(() => ({ identified: false, code: 'UNAUTHENTICATED' }))
    await knock(300)
    expect(new Set(signals).size).toBe(2)
    await allGone(gate, admitter)
  })

  test('what is like a promise is waited for', async () => {
    // biome-ignore lint/suspicious/noThenProperty: that is the point
    const later = { then: (done: (found: Identification) => void) => void setTimeout(() => done(ACME), 10) }
    const { gate, admitter, knock } = await asking(() => later as never)
    expect(await knock(1)).toEqual([101])
    await allGone(gate, admitter)
  })
})

test('whose credential is refused is told to the observer, and to nobody else', async () => {
  const told: object[] = []
  const admitter = new CountingAdmitter()
  const identity = { org: 'acme', gateway: 'gateway-1' }
  const gate = await startGate(admitter, {
    identify: () => ({ identified: false, code: 'ORG_DISABLED', identity }),
    observer: { upgradeRefused: (event) => told.push(event) },
  })
  const refused = await connectGateway(gate.url)
  expect(refused).toMatchObject({ accepted: false, status: 403, body: { code: 'ORG_DISABLED' } })
  expect(JSON.stringify(refused)).not.toMatch(/acme|gateway-1/)
  expect(told).toEqual([expect.objectContaining({ ...identity, refusal: { code: 'ORG_DISABLED' } })])
  expect(admitter.requests).toEqual([])
  await allGone(gate, admitter)
})

test.each([
  ['null', () => null],
  ['a promise of nothing', async () => undefined],
  ['the credential itself', () => 'secret-key'],
  // biome-ignore lint/suspicious/noThenProperty: that is the point
  ['what only looks like a promise', () => ({ then: 'later' })],
])('an identify that answers %s is told what it should, and its client that it is not its fault', async (_, answer) => {
  const faults: unknown[] = []
  const admitter = new CountingAdmitter()
  const identify = answer as unknown as Identify
  const gate = await startGate(admitter, { identify, observer: { faulted: ({ error }) => faults.push(error) } })
  expect(await connectGateway(gate.url)).toMatchObject({ accepted: false, status: 503 })
  expect(faults).toMatchObject([{ code: 'INVALID_SETTINGS', message: expect.stringContaining('identified: true') }])
  expect(String(faults[0])).not.toContain('secret-key')
  await allGone(gate, admitter)
})
