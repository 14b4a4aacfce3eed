import { systemClock } from '../core/clock.js'
import type { GateObserver } from '../gate/gate-observer.js'
import type { Limiter } from '../limiter/limiter.js'
import type { Log } from '../observe/log.js'
import type { WebhookFigures } from '../observe/metrics/server-metrics.js'
import { HttpCaller } from '../outbound/http-caller.js'
import { Webhook } from '../outbound/webhook.js'
import { webhookEvents } from '../outbound/webhook-events.js'
import type { Config } from './config.js'

/** More than the workers of a webhook need, so that no call waits for a connection. */
const SOCKETS = 8
/** After all connections are closed: what is longer under way has a receiver that hangs. */
const STOP_MS = 3_000

export interface OpenedWebhook {
  readonly observer: GateObserver
  /** For metrics; `undefined` without a webhook. */
  figures(): WebhookFigures | undefined
  /** Tells what is still to be told, within 3 s. */
  stop(): Promise<void>
}

/** The webhook that the configuration names, or none. */
export function openWebhook(config: Config, limiter: Limiter, log: Log): OpenedWebhook {
  const { webhookUrl: url, webhookSecrets, webhookTimeoutMs: timeoutMs, webhookQueue, nodeName } = config
  if (url === undefined) return { observer: {}, figures: () => undefined, stop: async () => {} }
  const clock = systemClock
  const webhook = new Webhook({
    caller: new HttpCaller({ url, clock, timeoutMs, maxSockets: SOCKETS }),
    clock,
    log,
    random: Math.random,
    node: nodeName,
    secrets: webhookSecrets!,
    maxWaiting: webhookQueue,
  })
  const observer = webhookEvents(limiter, webhook)
  return { observer, figures: () => webhook.figures, stop: () => webhook.stop({ withinMs: STOP_MS }) }
}
