import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { GateObserver } from '../../src/gate/gate-observer.js'
import type { Identify } from '../../src/gate/identify.js'
import { Link } from '../../src/gate/link.js'
import { Upgrade } from '../../src/gate/upgrade.js'
import { CountingAdmitter } from '../support/counting-admitter.js'
import { allGone, startGate } from '../support/gate-server.js'
import { connectGateway } from '../support/gateways.js'
import { leakGate } from '../support/leak-gate.js'
import { ManualClock } from '../support/manual-clock.js'
import { unhandledRejections } from '../support/unhandled-rejections.js'
import { until } from '../support/until.js'

leakGate()

afterEach(() => vi.restoreAllMocks())

const boom = () => {
  throw new Error('a bug in the embedding program')
}

/** One connection that opens and closes, and one that is refused. */
async function visit(url: string): Promise<void> {
  const opened = await connectGateway(url, { key: 'acme' })
  expect(opened.accepted).toBe(true)
  expect(await connectGateway(url, { key: 'nobody' })).toMatchObject({ accepted: false, status: 401 })
  if (opened.accepted) await opened.close()
}

describe('L6: what an embedding program throws ends neither the process nor a connection', () => {
  const throwing: GateObserver = { upgradeRefused: boom, connectionOpened: boom, connectionClosed: boom }
  const rejecting: GateObserver = {
    upgradeRefused: async () => boom(),
    connectionOpened: async () => boom(),
    connectionClosed: async () => boom(),
  }

  test.each([
    ['throws', throwing],
    ['rejects', rejecting],
  ])('an observer that %s: each fault is told to its own faulted, once', async (_, observer) => {
    const admitter = new CountingAdmitter()
    const faults: unknown[] = []
    const gate = await startGate(admitter, { observer: { ...observer, faulted: ({ error }) => faults.push(error) } })
    await visit(gate.url)
    await allGone(gate, admitter)
    await until(() => faults.length >= 3)
    expect(faults).toEqual(Array(3).fill(expect.objectContaining({ message: 'a bug in the embedding program' })))
  })

  test.each([
    ['none', throwing],
    ['one that throws too', { ...throwing, faulted: boom }],
  ])('where faulted is %s, the console learns of it', async (_, observer) => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => {})
    const admitter = new CountingAdmitter()
    const gate = await startGate(admitter, { observer })
    await visit(gate.url)
    await allGone(gate, admitter)
    expect(said).toHaveBeenCalledTimes(3)
  })

  test.each<[string, unknown]>([
    ['a code that is none', { identified: false, code: 'FORBIDDEN' }],
    ['a code that every object has', { identified: false, code: '__proto__' }],
    ['a refusal without a code', { identified: false }],
    ['an identity that is not one', { identified: true, org: 'acme', gateway: 'g' }],
    ['a refusal of nobody', { identified: false, code: 'ORG_DISABLED', identity: 'acme' }],
    ['neither yes nor no', { identified: 'no', identity: { org: 'acme', gateway: 'g' } }],
    ['nothing', undefined],
  ])('identify that answers with %s is answered 503, and reported, at once or late', async (_, answer) => {
    const admitter = new CountingAdmitter()
    for (const identify of [() => answer, async () => answer]) {
      const gate = await startGate(admitter, { identify: identify as Identify })
      expect(await connectGateway(gate.url, { key: 'acme' })).toMatchObject({
        ...{ status: 503, body: { code: 'ADMISSION_UNDECIDED' } },
      })
      expect(gate.faults).toMatchObject([{ code: 'INVALID_SETTINGS' }])
      expect(String(gate.faults[0])).toContain('UNAUTHENTICATED, ORG_DISABLED, IDENTITY_UNAVAILABLE')
      await allGone(gate, admitter)
    }
  })

  test('identify that refuses with no identity at all refuses as it said', async () => {
    const admitter = new CountingAdmitter()
    const answer = { identified: false, code: 'UNAUTHENTICATED', identity: null as never } as const
    const gate = await startGate(admitter, { identify: () => answer })
    expect(await connectGateway(gate.url, { key: 'acme' })).toMatchObject({ status: 401 })
    expect(gate.faults).toEqual([])
    await allGone(gate, admitter)
  })

  test('identify that says a time that is none is obeyed without it', async () => {
    const admitter = new CountingAdmitter()
    const answer = { identified: false, code: 'IDENTITY_UNAVAILABLE', retryAfterMs: '10s' as never } as const
    const gate = await startGate(admitter, { identify: () => answer })
    const refused = await connectGateway(gate.url, { key: 'acme' })
    expect(refused.accepted).toBe(false)
    if (!refused.accepted) expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    await allGone(gate, admitter)
  })

  test('accepts that answers with a promise lets nobody in by it, and is reported', async () => {
    const admitter = new CountingAdmitter()
    const gate = await startGate(admitter, { accepts: (async () => false) as never })
    expect(await connectGateway(gate.url, { key: 'acme' })).toMatchObject({ status: 503 })
    expect(gate.faults).toMatchObject([{ code: 'INVALID_SETTINGS' }])
    await allGone(gate, admitter)
  })

  test('L6: nor is there anything left of a promise that rejects, which would end the process', async () => {
    const unheard = unhandledRejections()
    const admitter = new CountingAdmitter()
    const gate = await startGate(admitter, { accepts: (async () => boom()) as never })
    expect(await connectGateway(gate.url, { key: 'acme' })).toMatchObject({ status: 503 })
    expect(gate.faults).toMatchObject([{ code: 'INVALID_SETTINGS' }])
    await allGone(gate, admitter)
    expect(unheard).toEqual([])
  })

  test('accepts that throws is answered 503, and reported', async () => {
    const admitter = new CountingAdmitter()
    const gate = await startGate(admitter, { accepts: boom })
    expect(await connectGateway(gate.url, { key: 'acme' })).toMatchObject({
      ...{ status: 503, body: { code: 'ADMISSION_UNDECIDED' } },
    })
    expect(gate.faults).toHaveLength(1)
    await allGone(gate, admitter)
  })
})

/** An upgrade on a socket of no network, with what its owner was told. */
function upgradeAlone(request = {}) {
  const [faults, closed]: [unknown[], Upgrade[]] = [[], []]
  const socket = new PassThrough()
  const upgrade = new Upgrade(request as IncomingMessage, socket, Buffer.alloc(0), {
    waits() {},
    decided() {},
    closed: (upgrade) => closed.push(upgrade),
    faulted: (_, error) => faults.push(error),
  })
  return { socket, upgrade, faults, closed }
}

test('L1: an undo that throws stops none of the others, the one that gives back the slot among them', async () => {
  const { socket, upgrade, faults } = upgradeAlone()
  const ran: string[] = []
  upgrade.atClose(() => ran.push('first'))
  upgrade.atClose(boom)
  upgrade.atClose(() => ran.push('last'))
  socket.destroy()
  await until(() => ran.length === 2)
  upgrade.atClose(boom)
  upgrade.atClose(() => ran.push('late'))
  expect(ran).toEqual(['last', 'first', 'late'])
  expect(faults).toHaveLength(2)
})

test('L1: who listens for the end and throws does not keep the slot', async () => {
  const { socket, upgrade, faults } = upgradeAlone()
  let isGivenBack = false
  upgrade.atClose(() => {
    isGivenBack = true
  })
  upgrade.addEventListener('abort', boom)
  socket.destroy()
  await until(() => isGivenBack)
  expect(faults).toHaveLength(1)
})

test('a socket that has closed leads nowhere any more', async () => {
  const { socket, upgrade, closed } = upgradeAlone()
  upgrade.link = new Link({ isPaused: false, ping() {}, close() {}, terminate() {} }, socket, new ManualClock())
  const links = () => Object.getOwnPropertySymbols(socket).filter((name) => Reflect.get(socket, name) instanceof Link)
  expect(links()).toHaveLength(1)
  socket.destroy()
  await until(() => closed.length === 1)
  expect([links(), upgrade.link]).toEqual([[], undefined])
  expect(() => upgrade.request).toThrow('forgotten')
})

test('what was asked is forgotten once it is open, and kept until it is closed where it is refused', () => {
  const decided = (outcome: 'open' | 'refused') => {
    const { upgrade } = upgradeAlone({ url: '/' })
    upgrade.decide(outcome)
    return upgrade
  }
  expect(decided('refused').request.url).toBe('/')
  expect(() => decided('open').request).toThrow('forgotten')
})
