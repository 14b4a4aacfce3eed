import { randomBytes } from 'node:crypto'
import { systemClock } from '../core/clock.js'
import { allObservers } from '../gate/all-observers.js'
import { webSocketOnly } from '../gate/plain-http.js'
import { ownSockets } from '../gate/ws-gate.js'
import type { Log } from '../observe/log.js'
import { adminServer } from './admin-server.js'
import type { Config } from './config.js'
import { ENDPOINT } from './endpoint.js'
import { closeServer, listen } from './listen.js'
import { warnOfFewFiles } from './open-files.js'
import { openIdentities } from './open-identities.js'
import { openLimiter } from './open-limiter.js'
import { openWebhook } from './open-webhook.js'
import { openOperators } from './operators.js'
import { publicServer } from './public-server.js'

export interface RunningServer {
  readonly port: number
  readonly adminPort: number
  readonly adminToken: string
  readonly storeDescription: string
  readonly embedded: boolean
  /** Resolves when an operator has ordered this node to stop, by whatever node. */
  readonly drainOrdered: Promise<void>
  /** Stops in order, within the drain time and what the webhook may still take; resolves when everything is closed. */
  stop(): Promise<void>
}

/** The composition root. Throws `UsageError` where the environment cannot work: a key file, a port. */
export async function startServer(config: Config, log: Log): Promise<RunningServer> {
  warnOfFewFiles(config, log)
  const { identities, tierOf, answers, keyFileUsable } = await openIdentities(config, systemClock, log)
  let start = () => {}
  const listening = new Promise<void>((resolve) => {
    start = resolve
  })
  const limiter = openLimiter(config, tierOf, listening)
  const drainOrdered = new Promise<void>((resolve) => limiter.on('drain.ordered', () => resolve()))
  const adminToken = config.adminToken ?? randomBytes(18).toString('base64url')
  const webhook = openWebhook(config, limiter, log)
  const parts = { adminToken, webhook: webhook.figures, identities: answers, keyFileUsable }
  const operators = openOperators(config, parts, limiter, log)
  const gate = limiter.gates.open({
    identify: identities.identify,
    mayStay: identities.mayStay,
    sockets: ownSockets(systemClock),
    accepts: isEndpoint,
    maxConnections: config.maxConnections,
    pongTimeoutMs: config.connectionTimeoutMs,
    rates: {
      perAddress: config.addressRatePerMinute,
      perKey: config.keyRatePerMinute,
      perNode: config.nodeRatePerMinute,
    },
    reject: config.reject,
    trustedProxies: config.trustedProxies ?? '',
    observer: allObservers(operators.observer, webhook.observer),
  })
  identities.watch(gate)
  const clientsServer = publicServer(webSocketOnly(isEndpoint)).on('upgrade', gate.handleUpgrade)
  const operatorsServer = adminServer(operators)
  const stop = async () => {
    const quieted = operators.quiet()
    // The listeners stay open while connections drain: who comes now is told 503 and where the health is.
    await limiter.drain({ withinMs: config.drainTimeMs })
    identities.stop()
    await webhook.stop()
    await quieted
    operators.stop()
    await Promise.all([closeServer(clientsServer), closeServer(operatorsServer)])
  }
  try {
    const port = await listen(clientsServer, config.port, config.host, 'PORT or HOST')
    const adminPort = await listen(operatorsServer, config.adminPort, config.adminHost, 'ADMIN_PORT or ADMIN_HOST')
    // Only now: a node whose port is taken would come to the cluster and leave it. Until then who comes is told STARTING.
    start()
    const { storeDescription, embedded } = limiter
    return { port, adminPort, adminToken, storeDescription, embedded, drainOrdered, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function isEndpoint(path: string): boolean {
  return path === ENDPOINT
}
