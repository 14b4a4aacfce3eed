import type { Clock } from '../core/clock.js'
import type { GateObserver } from '../gate/gate-observer.js'
import type { Log } from './log.js'
import { RefusalLog } from './refusal-log.js'

/** Writes what happens at a gate into the log. `stop` tells what has been counted and not told yet. */
export function logGate(log: Log, clock: Clock): { readonly observer: GateObserver; stop(): void } {
  const refusals = new RefusalLog(log, clock)
  const observer: GateObserver = {
    upgradeRefused: ({ refusal, requestId, org, gateway, address }) =>
      refusals.add({ requestId, code: refusal.code, org, gateway, address }),
    connectionOpened: (fields) => log.info(fields, 'connection opened'),
    connectionClosed: (fields) => log.info(fields, 'connection closed'),
    faulted: ({ error, ...fields }) => log.error({ ...fields, err: error }, 'an upgrade failed'),
  }
  return { observer, stop: () => refusals.stop() }
}
