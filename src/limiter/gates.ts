import { systemClock } from '../core/clock.js'
import type { EventBus } from '../core/events.js'
import { allObservers } from '../gate/all-observers.js'
import type { Stage } from '../gate/census.js'
import { Gate } from '../gate/gate.js'
import { guardedObserver } from '../gate/gate-observer.js'
import type { GateOptions } from '../gate/gate-options.js'
import { adoptedSockets, type WebSocketServer } from '../gate/ws-gate.js'
import { type AttachOptions, checkAttached, type UpgradeSource, upgradeTaken } from './attach-options.js'
import { gateEvents } from './gate-events.js'

export interface GatesOptions {
  readonly admitter: GateOptions['admitter']
  readonly events: EventBus
}

/** The gates of a process, and the servers whose upgrades they take. */
export class Gates {
  readonly #options: GatesOptions
  readonly #gates = new Set<Gate>()
  readonly #detach: (() => void)[] = []

  constructor(options: GatesOptions) {
    this.#options = options
  }

  /** Raw sockets that are in this stage. */
  count(stage: Stage): number {
    return [...this.#gates].reduce((sum, gate) => sum + gate.count(stage), 0)
  }

  /** Throws `INVALID_SETTINGS` for options that cannot work, and `UPGRADE_TAKEN`. */
  attach(server: UpgradeSource, wss: WebSocketServer, options: AttachOptions): void {
    checkAttached(server, wss, options)
    const gate = this.open({ ...options, sockets: adoptedSockets(wss, systemClock) })
    const { faulted } = guardedObserver(options.observer ?? {})
    let isTold = false
    const listener: Gate['handleUpgrade'] = (request, socket, head) => {
      // Somebody came later. What it does with the same upgrades nobody can say: it may let in whom this refuses.
      if (!isTold && server.listenerCount('upgrade') > 1) {
        isTold = true
        faulted({ org: undefined, gateway: undefined, address: undefined, closing: undefined, error: upgradeTaken() })
      }
      gate.handleUpgrade(request, socket, head)
    }
    server.on('upgrade', listener)
    this.#detach.push(() => server.off('upgrade', listener))
  }

  open(options: Omit<GateOptions, 'admitter'>): Gate {
    const { admitter, events } = this.#options
    // Guarded before they are put together: all of them as one return no promise whose rejection could be seen.
    const observer = allObservers(gateEvents(events), guardedObserver(options.observer ?? {}))
    const gate = new Gate({ ...options, admitter, observer })
    this.#gates.add(gate)
    return gate
  }

  /** Refuses all upgrades from now on and closes every connection for a stop; resolves when all raw sockets are closed. */
  async closeAll(withinMs: number): Promise<void> {
    await Promise.all([...this.#gates].map((gate) => gate.closeAll('DRAINING', { withinMs })))
  }

  /** Cuts off what is open still, and lets go of the servers. Harmless twice. */
  destroy(): void {
    for (const gate of this.#gates) gate.destroy()
    for (const detach of this.#detach.splice(0)) detach()
  }
}
