import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { Admission, Admitted } from '../../src/core/admission.js'
import type { Limiter, LimiterOptions } from '../../src/index.js'
import { SHORT } from '../support/cluster.js'
import { useLimiters } from '../support/limiters.js'
import { until } from '../support/until.js'

const limiters = useLimiters()

async function start(count: number, options: LimiterOptions): Promise<Limiter[]> {
  const started = await limiters.start(count, {
    leaseTtlMs: SHORT.ttlMs,
    renewIntervalMs: SHORT.renewIntervalMs,
    storeTimeoutMs: SHORT.callTimeoutMs,
    ...options,
  })
  for (const limiter of started) {
    limiter.on('lease.renewed', ({ liveNodes }) => seen.set(limiter, liveNodes))
  }
  // `local` divides by the nodes last known, so each must have seen the others.
  await until(() => started.every((limiter) => seen.get(limiter) === count), { what: 'every node knows all' })
  return started
}
const seen = new WeakMap<Limiter, number>()

const taken = (admissions: Admission[]): Admitted[] => admissions.filter((one): one is Admitted => one.admitted)
const ask = (limiter: Limiter, times: number) =>
  Promise.all(Array.from({ length: times }, () => limiter.admit({ org: 'acme' })))

/** Freezes Redis and waits until the node knows. */
async function away(of: Limiter[]): Promise<void> {
  await limiters.redis.pause()
  await until(() => of.every((limiter) => !limiter.storeReachable), { what: 'the nodes miss the store' })
}

describe('R2: while the store is away', () => {
  it('deny admits nobody, keeps who is open, and goes on when the store is back', async () => {
    const [one] = (await start(1, {})) as [Limiter]
    const [open] = taken(await ask(one, 1)) as [Admitted]
    await away([one])
    const denied = await ask(one, 5)
    for (const admission of denied) expect(admission).toMatchObject({ admitted: false, code: 'STORE_UNAVAILABLE' })
    await limiters.redis.resume()
    await until(async () => taken(await ask(one, 1)).length === 1, { what: 'admissions again' })
    expect(open.lost.aborted).toBe(false)
  })

  it('local admits the share of a node, and the store learns of it', async () => {
    const nodes = (await start(2, { limits: { org: 4 }, policies: { onStoreDown: 'local' } })) as [Limiter, Limiter]
    const [before] = taken(await ask(nodes[0], 1)) as [Admitted]
    await away(nodes)
    // The limit of 4 over two nodes is 2 each, and one of them is taken here already.
    expect(taken(await ask(nodes[0], 5))).toHaveLength(1)
    expect(taken(await ask(nodes[1], 5))).toHaveLength(2)
    await limiters.redis.resume()
    await until(async () => (await nodes[0].orgStats('acme').catch(() => undefined))?.currentCount === 4, {
      what: 'the debts in the store',
    })
    // Its debts are told before it asks the store about newcomers again.
    await until(() => nodes[1].storeReachable, { what: 'the other node is back' })
    expect(await nodes[1].admit({ org: 'acme' })).toMatchObject({ admitted: false, currentCount: 4 })
    before.release()
    await until(async () => taken(await ask(nodes[1], 1)).length === 1, { what: 'exactly one more' })
  })

  it('local divides every limit, less what is reserved, and the store learns of all scopes', async () => {
    const limits = { org: 8, gateway: 4, cluster: 10, reserved: { slots: 4 } }
    const nodes = (await start(2, { limits, policies: { onStoreDown: 'local' } })) as [Limiter, Limiter]
    const come = async (org: string, gateway: string, priority = false) =>
      taken(await Promise.all([1, 2, 3, 4, 5].map(() => nodes[0].admit({ org, gateway, priority })))).length
    await away(nodes)
    expect(await come('acme', 'eu')).toBe(2)
    // Half of 8 less 4 is taken, and who has priority has half of the whole.
    expect(await come('acme', 'us')).toBe(0)
    expect(await come('acme', 'us', true)).toBe(2)
    expect(await come('globex', 'eu')).toBe(1)
    await limiters.redis.resume()
    await until(async () => (await nodes[0].orgStats('acme').catch(() => undefined))?.currentCount === 4, {
      what: 'the debts in the store',
    })
    await until(() => nodes[1].storeReachable, { what: 'the other node is back' })
    for (let left = 3; left > 0; left--) {
      expect(await nodes[1].admit({ org: 'globex', gateway: 'us' })).toMatchObject({ admitted: true })
    }
    expect(await nodes[1].admit({ org: 'acme', gateway: 'us', priority: true })).toMatchObject({ admitted: true })
    expect(await nodes[1].admit({ org: 'acme', gateway: 'us', priority: true })).toMatchObject({ admitted: true })
    expect(await nodes[1].admit({ org: 'acme', gateway: 'us', priority: true })).toMatchObject({ scope: 'gateway' })
  })

  it('allow admits beyond the limit, but only for its time', async () => {
    const [one] = (await start(1, { policies: { onStoreDown: 'allow', storeDownTimeMs: 1_500 } })) as [Limiter]
    await away([one])
    expect(taken(await ask(one, 5))).toHaveLength(5)
    await until(async () => !(await one.admit({ org: 'late' })).admitted, { what: 'the time is over' })
    await limiters.redis.resume()
    await until(async () => (await one.orgStats('acme').catch(() => undefined))?.currentCount === 5, {
      what: 'the debts in the store',
    })
    expect(await one.admit({ org: 'acme' })).toMatchObject({ admitted: false, currentCount: 5, maxAllowed: 3 })
  })

  it('a debt that closes before the store is back leaves nothing there', async () => {
    const [one] = (await start(1, { policies: { onStoreDown: 'allow' } })) as [Limiter]
    await away([one])
    for (const debt of taken(await ask(one, 3))) debt.release()
    await limiters.redis.resume()
    await until(() => one.storeReachable, { what: 'the store is back' })
    await until(async () => (await one.orgStats('acme').catch(() => undefined))?.currentCount === 0, {
      what: 'no slot',
    })
  })

  it('rejoin with an orphan time closes connections when it is over, and not at D', async () => {
    const [one] = (await start(1, { policies: { orphanTimeMs: 600 } })) as [Limiter]
    const [open] = taken(await ask(one, 1)) as [Admitted]
    let heardMs = performance.now()
    one.on('lease.renewed', () => {
      heardMs = performance.now()
    })
    await away([one])
    await until(() => open.lost.aborted, { what: 'closed' })
    expect(open.lost.reason).toBe('STORE_AWAY')
    // The time counts from when the last renewal was sent, which is heard within the deadline of a call or not at all.
    expect(performance.now() - heardMs).toBeGreaterThan(SHORT.trustMs + 600 - SHORT.callTimeoutMs)
  })

  it('nobody is let in after the orphan time, although the policy would', async () => {
    const [one] = (await start(1, { policies: { onStoreDown: 'allow', orphanTimeMs: 300 } })) as [Limiter]
    const [open] = taken(await ask(one, 1)) as [Admitted]
    await away([one])
    expect(taken(await ask(one, 1))).toHaveLength(1)
    await until(() => open.lost.aborted, { what: 'the orphan time is over' })
    expect(await one.admit({ org: 'acme' })).toMatchObject({ admitted: false, code: 'STORE_UNAVAILABLE' })
    await limiters.redis.resume()
    await until(async () => taken(await ask(one, 1)).length === 1, { what: 'admissions again' })
  })

  it('under close nobody is let in on debt once the lease is out of trust', async () => {
    const policies = { onStoreDown: 'allow', onLeaseLost: 'close' } as const
    const [one] = (await start(1, { policies })) as [Limiter]
    const [open] = taken(await ask(one, 1)) as [Admitted]
    await limiters.redis.pause()
    await until(() => open.lost.aborted, { what: 'the deadline of the lease' })
    expect(await one.admit({ org: 'acme' })).toMatchObject({ admitted: false, code: 'STORE_UNAVAILABLE' })
  })

  it('close ends connections at D', async () => {
    const [one] = (await start(1, { policies: { onLeaseLost: 'close' } })) as [Limiter]
    const [open] = taken(await ask(one, 1)) as [Admitted]
    const sinceMs = performance.now()
    await limiters.redis.pause()
    await until(() => open.lost.aborted, { what: 'closed' })
    expect(open.lost.reason).toBe('STORE_AWAY')
    expect(performance.now() - sinceMs).toBeLessThan(SHORT.trustMs + 300)
  })
})

describe('S7: under close, a process that slept past D', () => {
  it.each([
    ['close', 0],
    ['rejoin', 3],
  ] as const)('under %s hands over %i of the frames that came meanwhile', async (onLeaseLost, handed) => {
    const [one] = (await start(1, { policies: { onLeaseLost } })) as [Limiter]
    const server = createServer()
    const wss = new WebSocketServer({ noServer: true })
    one.attach(server, wss, {
      identify: () => ({ identified: true, identity: { org: 'acme', gateway: 'g' } }),
    })
    const received: string[] = []
    wss.on('connection', (ws: WebSocket) => ws.on('message', (data) => received.push(String(data))))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
    await new Promise((resolve) => client.once('open', resolve))
    client.send('awake')
    await until(() => received.length === 1, { what: 'the first frame' })

    for (const frame of ['one', 'two', 'three']) client.send(frame)
    // The whole process sleeps, with the frames in the kernel's buffers.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SHORT.trustMs + 200)
    const over = new Promise((resolve) => client.once('close', resolve))
    if (handed > 0) await until(() => received.length === 1 + handed, { what: 'the frames' })
    else await over
    expect(received).toHaveLength(1 + handed)
    client.terminate()
    await new Promise((resolve) => server.close(resolve))
  })
})
