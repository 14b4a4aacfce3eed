import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { createLog } from '../../src/observe/log.js'
import { HttpCaller } from '../../src/outbound/http-caller.js'
import { Webhook, type WebhookOptions } from '../../src/outbound/webhook.js'
import { signatureHeaders, webhookSecrets } from '../../src/outbound/webhook-signature.js'
import { leakGate } from '../support/leak-gate.js'
import { ManualClock } from '../support/manual-clock.js'
import { type Platform, startPlatform } from '../support/platform.js'
import { until } from '../support/until.js'

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

interface Batch {
  readonly data: {
    readonly node: string
    readonly dropped: number
    readonly events: readonly { id: string; type: string; count?: number; data: { n: number } }[]
  }
}

let clock: ManualClock
let receiver: Platform
let lines: Record<string, unknown>[]

leakGate()
beforeEach(async () => {
  clock = new ManualClock()
  receiver = await startPlatform(() => ({ status: 204 }))
  lines = []
})

function open(options: Partial<WebhookOptions> = {}): Webhook {
  const log = createLog({
    level: 'info',
    node: 'n',
    destination: { write: (line) => void lines.push(JSON.parse(line)) },
  })
  const webhook = new Webhook({
    ...{ caller: new HttpCaller({ url: receiver.url, clock, timeoutMs: 5_000, maxSockets: 8 }), clock, log, node: 'n' },
    ...{ secrets: webhookSecrets(SECRET)!, maxWaiting: 1_000, random: () => 0 },
    ...options,
  })
  onTestFinished(async () => {
    const stopping = webhook.stop({ withinMs: 0 })
    // Also no time at all passes only on the test's clock; a batch may be between two attempts.
    clock.advance(1)
    await stopping
  })
  return webhook
}

const batches = () => receiver.asked.map(({ body }) => (JSON.parse(body) as Batch).data)
const told = () => batches().flatMap(({ events }) => events)

/** Moves the clock on in steps, so that calls over the network get their time in between. */
async function pass(ms: number, done: () => boolean): Promise<void> {
  await until(() => {
    if (!done()) clock.advance(ms)
    return done()
  })
}

test('what comes together travels together, in order, signed, each event with an id of its own', async () => {
  const webhook = open()
  for (let n = 0; n < 150; n++) webhook.add('connection.opened', { n })
  clock.advance(100)
  await until(() => told().length === 150)
  expect(
    batches()
      .map(({ events }) => events.length)
      .sort(),
  ).toEqual([100, 50].sort())
  expect(new Set(told().map(({ id }) => id)).size).toBe(150)
  const { headers, body } = receiver.asked[0]!
  const id = String(headers['webhook-id'])
  expect(headers).toMatchObject(signatureHeaders(webhookSecrets(SECRET)!, id, clock.wallMs(), body))
})

test('the signature is that of Standard Webhooks, one for each secret', () => {
  const other = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
  const headers = signatureHeaders(
    webhookSecrets(`${SECRET}, ${other}`)!,
    'msg_p5jXN8AQM9LWM0D4loKWxJek',
    1_614_265_330_999,
    '{"test": 2432232314}',
  )
  expect(headers['webhook-timestamp']).toBe('1614265330')
  expect(headers['webhook-signature']).toMatch(/^v1,g0hM9SsE\+OTPJTGt\/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1,\S{44}$/)
})

test.each(['', 'whsec_', 'secret', 'whsec_AAAA', `whsec_${'A'.repeat(100)}`, `${SECRET},`, `${SECRET}=`])(
  '%j is no secret',
  (text) => expect(webhookSecrets(text)).toBeUndefined(),
)

test('a batch that is not taken is sent again, the same, until it is', async () => {
  const webhook = open()
  let failures = 3
  receiver.answer = () => ({ status: failures-- > 0 ? 503 : 200 })
  webhook.add('node.started', {})
  await pass(250, () => receiver.asked.length === 4)
  expect(new Set(receiver.asked.map(({ body }) => body)).size).toBe(1)
  expect(new Set(receiver.asked.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  await until(() => lines.length === 2)
  expect(lines.map(({ msg }) => msg)).toEqual([
    'the webhook does not take events; they are sent again',
    'the webhook takes events again',
  ])
})

test('a batch that is too large for the receiver comes in pieces, at once, and each event in one of them', async () => {
  const webhook = open({ maxWaiting: 100 })
  receiver.answer = ({ body }) => ({ status: (JSON.parse(body) as Batch).data.events.length > 30 ? 413 : 200 })
  for (let n = 0; n < 105; n++) webhook.add('connection.opened', { n })
  clock.advance(100)
  await until(() => webhook.figures.inFlight === 0)
  expect(webhook.figures).toMatchObject({ delivered: 100, dropped: 5, failures: 3 })
  const taken = batches().filter(({ events }) => events.length <= 30)
  const numbers = Array.from({ length: 100 }, (_, n) => n + 5)
  expect(taken.flatMap(({ events }) => events.map(({ data }) => data.n))).toEqual(numbers)
  expect(
    taken.map(({ dropped }) => dropped),
    'each learns only of what the one before has not',
  ).toEqual([5, 0, 0, 0])
  expect(new Set(receiver.asked.map(({ headers }) => headers['webhook-id'])).size).toBe(receiver.asked.length)
  expect(lines).toEqual([])
})

test('one event that is too large for the receiver is sent again, and others are taken nevertheless', async () => {
  const webhook = open()
  receiver.answer = ({ body }) => ({ status: body.includes('"n":7}') ? 413 : 200 })
  for (let n = 0; n < 20; n++) webhook.add('connection.opened', { n })
  clock.advance(100)
  await until(() => webhook.figures.delivered >= 5 && clock.nextInMs === 250)
  await pass(10_000, () => webhook.figures.dropped === 1)
  await until(() => webhook.figures.inFlight === 0)
  expect(webhook.figures).toMatchObject({ delivered: 19, dropped: 1 })
})

test('a batch is taken by the status alone: a receiver that answers with a long page is not told twice', async () => {
  receiver.answer = () => ({ status: 200, body: 'x'.repeat(100_000) })
  const webhook = open()
  webhook.add('connection.opened', { n: 1 })
  clock.advance(100)
  await until(() => webhook.figures.inFlight === 0)
  expect(webhook.figures).toMatchObject({ delivered: 1, failures: 0 })
})

test('a receiver that hangs: what waits has its bound, the oldest is dropped, and both receiver and log learn how many', async () => {
  const webhook = open({ maxWaiting: 50 })
  receiver.answer = () => 'silence'
  webhook.add('first', { n: -1 })
  clock.advance(100)
  await until(() => receiver.waiting() === 1)
  for (let n = 0; n < 1_000; n++) webhook.add('connection.opened', { n })
  receiver.answer = () => ({ status: 200 })
  await pass(500, () => told().length >= 52)
  const rest = batches().find(({ events }) => events.length > 1)
  expect(rest).toMatchObject({ node: 'n', dropped: 950 })
  expect(rest!.events.map(({ data }) => data.n)).toEqual(Array.from({ length: 50 }, (_, i) => 950 + i))
  await pass(10_000, () => lines.some(({ events }) => events === 950))
})

test('S5: an org that comes and goes without end pushes out no event of others', async () => {
  const webhook = open({ maxWaiting: 50 })
  for (let n = 0; n < 10; n++) webhook.add('connection.opened', { n, org: 'quiet' })
  webhook.add('node.started', { n: 10 })
  for (let n = 11; n < 1_000; n++) webhook.add('connection.opened', { n, org: 'busy' })
  clock.advance(100)
  await until(() => told().length === 50)
  const kept = [...Array.from({ length: 11 }, (_, n) => n), ...Array.from({ length: 39 }, (_, n) => 961 + n)]
  expect(told().map(({ data }) => data.n)).toEqual(kept)
  await until(() => webhook.figures.delivered === 50)
  expect(webhook.figures).toMatchObject({ waiting: 0, dropped: 950 })
})

test('a batch that waits to be sent again keeps nothing else from being sent, and four are under way at most', async () => {
  const webhook = open()
  receiver.answer = ({ body }) => ({ status: body.includes('"bad"') ? 400 : 200 })
  const types = () => new Set(told().map(({ type }) => type))
  for (let bad = 1; bad <= 5; bad++) {
    webhook.add('bad', { n: bad })
    clock.advance(100)
    await until(() => new Set(told().map(({ data }) => data.n)).size === Math.min(bad, 4))
    await until(() => webhook.figures.failures >= Math.min(bad, 4))
    if (bad === 3) {
      webhook.add('good', { n: 1 })
      clock.advance(100)
      await until(() => types().has('good') && webhook.figures.delivered === 1)
    }
  }
  expect(webhook.figures).toMatchObject({ waiting: 1, inFlight: 4, delivered: 1 })
})

test('what waits when a batch must wait to be sent again goes to another worker at once', async () => {
  const webhook = open()
  receiver.answer = () => 'silence'
  webhook.add('first', { n: 1 })
  clock.advance(100)
  await until(() => receiver.waiting() === 1)
  webhook.add('second', { n: 2 })
  clock.advance(100)
  clock.advance(4_900)
  await until(() => told().some(({ type }) => type === 'second'))
})

test('a stop tries at once what waits to be sent again: the receiver may be well by now', async () => {
  const webhook = open()
  await receiver.goAway()
  webhook.add('first', { n: 1 })
  await pass(1_000, () => webhook.figures.failures >= 7)
  await receiver.comeBack()
  webhook.add('last', { n: 2 })
  const stopping = webhook.stop({ withinMs: 3_000 })
  await until(() => told().length === 2)
  await stopping
  expect(webhook.figures).toMatchObject({ delivered: 2, dropped: 0 })
})

test('what a stop tried in vain is tried again within its time, soon at first', async () => {
  const webhook = open()
  receiver.answer = () => ({ status: 503 })
  webhook.add('first', { n: 1 })
  await pass(1_000, () => webhook.figures.failures >= 7)
  const stopping = webhook.stop({ withinMs: 3_000 })
  await until(() => webhook.figures.failures === 8)
  receiver.answer = () => ({ status: 200 })
  clock.advance(500)
  await stopping
  expect(webhook.figures).toMatchObject({ delivered: 1, dropped: 0 })
})

test('events alike become one with a count while they wait', async () => {
  const webhook = open()
  for (let n = 0; n < 500; n++) webhook.add('connection.refused', { n }, n % 2 ? 'odd' : 'even')
  webhook.add('node.started', {})
  clock.advance(100)
  await until(() => told().length === 3)
  expect(told().map(({ count }) => count)).toEqual([250, 250, undefined])
  webhook.add('connection.refused', { n: 1_000 }, 'odd')
  clock.advance(100)
  await until(() => told().length === 4)
  expect(told().at(-1)).toMatchObject({ data: { n: 1_000 } })
})

test('after five minutes a batch is given up, and counted', async () => {
  const webhook = open()
  await receiver.goAway()
  webhook.add('node.started', {})
  await pass(5_000, () => lines.some(({ events }) => events === 1))
  await receiver.comeBack()
  webhook.add('later', {})
  await pass(100, () => told().length === 1)
  expect(batches()).toMatchObject([{ dropped: 1, events: [{ type: 'later' }] }])
})

test('a stop tells what waits', async () => {
  const webhook = open()
  for (let n = 0; n < 300; n++) webhook.add('connection.closed', { n })
  await webhook.stop({ withinMs: 3_000 })
  expect(told()).toHaveLength(300)
  webhook.add('too late', {})
  clock.advance(1_000)
  expect(clock.pending).toBe(0)
})

test('a stop with a receiver that hangs ends in time, takes its calls back and counts what is lost', async () => {
  const webhook = open()
  receiver.answer = () => 'silence'
  for (let n = 0; n < 700; n++) webhook.add('connection.closed', { n })
  const stopping = webhook.stop({ withinMs: 3_000 })
  await until(() => receiver.waiting() === 4)
  webhook.add('connection.refused', { org: 'acme' }, 'draining')
  clock.advance(3_000)
  await stopping
  await until(() => receiver.waiting() === 0)
  expect(lines.at(-1)).toMatchObject({ msg: 'events for the webhook were dropped', events: 701 })
  expect(webhook.figures).toMatchObject({ waiting: 0, dropped: 701 })
})
