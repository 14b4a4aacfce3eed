import { shownLimit } from '../core/limits.js'
import type { GateObserver } from '../gate/gate-observer.js'
import type { Limiter } from '../limiter/limiter.js'
import type { Webhook } from './webhook.js'

/** Hands to a webhook what it is to tell: of the node by its events, of connections by the observer that is returned. */
export function webhookEvents(limiter: Pick<Limiter, 'on'>, webhook: Pick<Webhook, 'add'>): GateObserver {
  limiter.on('node.started', () => webhook.add('node.started', {}))
  limiter.on('node.drained', ({ left }) => webhook.add('node.stopped', { left }))
  limiter.on('lease.lost', (data) => webhook.add('lease.lost', { ...data }))
  for (const event of ['org.nearly_full', 'org.full'] as const) {
    limiter.on(event, ({ org, currentCount, maxAllowed }) => webhook.add(event, { org, currentCount, maxAllowed }))
  }
  limiter.on('limit.set', (data) => webhook.add('limit.changed', { ...data, limit: shownLimit(data.limit) ?? null }))
  limiter.on('limit.ended', ({ org, kind }) => webhook.add('limit.ended', { org, kind }))
  return {
    connectionOpened: ({ connectionId, org, gateway, address }) =>
      webhook.add('connection.opened', { connectionId, org, gateway, address }),
    connectionClosed: ({ connectionId, org, gateway, address, closing }) =>
      webhook.add('connection.closed', { connectionId, org, gateway, address, reason: closing }),
    upgradeRefused({ org, gateway, address, requestId, refusal }) {
      const { code, currentCount, maxAllowed } = refusal
      const data = { code, org, gateway, address, requestId, currentCount, maxAllowed }
      webhook.add('connection.refused', data, JSON.stringify([code, org]))
    },
  }
}
