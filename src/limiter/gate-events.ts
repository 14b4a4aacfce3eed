import type { EventBus } from '../core/events.js'
import type { GateObserver } from '../gate/gate-observer.js'

/** Tells what happens at a gate as events of the limiter. */
export function gateEvents(events: EventBus): GateObserver {
  return {
    upgradeRefused: ({ org, refusal }) => events.emit('upgrade.refused', { org, code: refusal.code }),
    connectionOpened: ({ org, connectionId }) => events.emit('connection.opened', { org, connectionId }),
    connectionClosed: ({ org, connectionId, closing }) =>
      events.emit('connection.closed', { org, connectionId, closing }),
  }
}
