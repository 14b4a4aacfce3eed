import type { IncomingMessage } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { adminApp } from '../admin/app.js'
import { changesBy, type Guard } from '../admin/auth.js'
import { TurnedAway } from '../admin/turned-away.js'
import { systemClock } from '../core/clock.js'
import { allObservers } from '../gate/all-observers.js'
import { clientAddress, networksOf } from '../gate/client-address.js'
import type { GateObserver } from '../gate/gate-observer.js'
import { RateMeter } from '../gate/rate-meter.js'
import type { Limiter } from '../limiter/limiter.js'
import type { Log } from '../observe/log.js'
import { logEvents } from '../observe/log-events.js'
import { logGate } from '../observe/log-gate.js'
import { collectMetrics } from '../observe/metrics/metrics.js'
import type { ServerParts } from '../observe/metrics/server-metrics.js'
import { Refusals } from '../observe/refusals/refusals.js'
import { ClusterView } from '../observe/view/cluster-view.js'
import type { Config } from './config.js'
import { version } from './version.js'

/** Of one address; then it has to wait for the rest of the minute. */
const WRONG_TOKENS_A_MINUTE = 20

export interface Operators {
  /** Hears what happens at the gate. */
  readonly observer: GateObserver
  /** Answers everything on the admin listener. */
  readonly listener: ReturnType<typeof getRequestListener>
  /** Whether it may be a change, by its token; what has none of the right ones is refused whatever its body says. */
  readonly mayChange: (request: IncomingMessage) => boolean
  /** Ends the streams at once, and hands on what is noted while the store can still be reached. */
  quiet(): Promise<void>
  /** The last act: tells the log what is still untold. */
  stop(): void
}

/** All that operators see of a node: its log, its refusals, its metrics, its view of the cluster, and the admin API. */
export function openOperators(
  config: Config,
  { adminToken, ...parts }: ServerParts & { readonly adminToken: string },
  limiter: Limiter,
  log: Log,
): Operators {
  logEvents(limiter, log)
  const gateLog = logGate(log, systemClock)
  const refusals = new Refusals(limiter, config.nodeName, systemClock)
  const view = new ClusterView(limiter, systemClock)
  const wrongTokens = new RateMeter({ most: WRONG_TOKENS_A_MINUTE })
  const tokens = { admin: adminToken, ...(config.adminReadToken !== undefined && { read: config.adminReadToken }) }
  const isChanger = changesBy(tokens)
  const addressOf = clientAddress(networksOf(config.trustedProxies ?? ''))
  let wrongTokensSeen = 0
  const turnedAway = new TurnedAway(log, systemClock)
  const onWrongToken: Guard['onWrongToken'] = (wrong) => {
    wrongTokensSeen++
    void turnedAway.wrongToken(wrong)
  }
  const guard = { tokens, addressOf, wrongTokens, onWrongToken }
  const metrics = collectMetrics(limiter, {
    process: true,
    maxConnections: config.maxConnections,
    version,
    ...parts,
    refusalsDropped: () => refusals.dropped,
    viewers: () => view.viewers,
    wrongTokens: () => wrongTokensSeen,
  })
  const { nodeName } = config
  const admin = adminApp({
    limiter,
    guard,
    turnedAway,
    refusals,
    view,
    metrics,
    clock: systemClock,
    nodeName,
    version,
    log,
    keyFileUsable: parts.keyFileUsable,
  })
  return {
    observer: allObservers(gateLog.observer, refusals.observer),
    // Load balancers ask for health in HTTP/1.0 without a Host; a name of our own lets that be a request like any
    // other.
    listener: getRequestListener(admin.fetch, { hostname: 'headcount' }),
    mayChange: ({ headers }) => isChanger(headers.authorization),
    quiet() {
      view.stop()
      return refusals.stop()
    },
    stop() {
      gateLog.stop()
      wrongTokens.stop()
      turnedAway.stop()
    },
  }
}
