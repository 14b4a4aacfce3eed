import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { Gate } from '../../src/gate/gate.js'
import type { GateOptions } from '../../src/gate/gate-options.js'
import type { Identify } from '../../src/gate/identify.js'
import { webSocketOnly } from '../../src/gate/plain-http.js'
import { ownSockets } from '../../src/gate/ws-gate.js'
import type { CountingAdmitter } from './counting-admitter.js'
import { GATEWAY_PATH } from './gateways.js'
import { until } from './until.js'

/** The org is the key itself; `nobody` is unknown and `disabled` is disabled. */
export const identifyByKey: Identify = ({ headers }) => {
  const key = headers['api-key']
  if (typeof key !== 'string' || key === 'nobody') return { identified: false, code: 'UNAUTHENTICATED' }
  if (key === 'disabled') return { identified: false, code: 'ORG_DISABLED' }
  return { identified: true, identity: { org: key, gateway: `${key}-gateway` } }
}

export interface GateServer {
  readonly gate: Gate
  readonly server: Server
  readonly port: number
  readonly url: string
  /** What the gate's observer was told was a bug. */
  readonly faults: unknown[]
  /** Raw sockets that the server holds, whatever the gate knows of them. */
  openSockets(): Promise<number>
}

/** A gate on a real port. Gone when the test is; before that, the test may see that nothing is left (`allGone`). */
export async function startGate(
  admitter: CountingAdmitter,
  options: Partial<GateOptions> = {},
  plain: RequestListener = webSocketOnly((path) => path === GATEWAY_PATH),
): Promise<GateServer> {
  const faults: unknown[] = []
  const gate = new Gate({
    admitter,
    identify: identifyByKey,
    sockets: ownSockets(options.clock ?? systemClock),
    accepts: (path) => path === GATEWAY_PATH,
    observer: { faulted: ({ error }) => faults.push(error) },
    ...options,
  })
  const server = createServer(plain)
  server.on('upgrade', gate.handleUpgrade)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  onTestFinished(async () => {
    gate.destroy()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const openSockets = () =>
    new Promise<number>((resolve, reject) => server.getConnections((error, n) => (error ? reject(error) : resolve(n))))
  return { gate, server, port, url: `ws://127.0.0.1:${port}`, faults, openSockets }
}

/** Waits until neither a slot nor a socket is left, without anybody's help. */
export async function allGone(
  { gate, openSockets }: GateServer,
  admitter: CountingAdmitter,
  withinMs = 5_000,
): Promise<void> {
  const left = async () => ({ slots: admitter.count, upgrades: gate.count(), sockets: await openSockets() })
  await until(
    async () => {
      const counts = await left()
      if (Object.values(counts).some((count) => count > 0)) throw new Error(JSON.stringify(counts))
      return true
    },
    { withinMs, what: 'no slot and no socket left' },
  )
}
