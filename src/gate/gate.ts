import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Admitted, Admitter } from '../core/admission.js'
import { type Clock, systemClock } from '../core/clock.js'
import { type ClosingCode, closings } from '../core/closures.js'
import { Census, type Stage } from './census.js'
import { type CloseAllOptions, closePaced } from './close-paced.js'
import type { GateObserver } from './gate-observer.js'
import { handshakeFault, instanceOf } from './handshake.js'
import type { Identify } from './identify.js'
import { PingWheel } from './ping-wheel.js'
import { problemOf, type Refusal, rateLimitHeaders, sendProblem } from './refuse.js'
import { Upgrade } from './upgrade.js'
import type { Sockets } from './ws-gate.js'

export interface GateOptions {
  readonly admitter: Admitter
  readonly identify: Identify
  readonly sockets: Sockets
  /** Limit of this node: open connections plus those being admitted. Unlimited where absent. */
  readonly maxConnections?: number
  /** Upgrades without a decision yet; the next is refused at once. */
  readonly maxPendingUpgrades?: number
  /** Which paths are WebSocket endpoints; all of them where absent. Receives the path without the query. */
  readonly accepts?: (path: string) => boolean
  /** From the `upgrade` event to the decision (L6). */
  readonly upgradeTimeoutMs?: number
  /** Silence after which a peer is taken for gone; it is pinged at two thirds of it (L3). */
  readonly pongTimeoutMs?: number
  /** How long a peer may take to answer our close frame. */
  readonly closeTimeoutMs?: number
  readonly observer?: GateObserver
  readonly clock?: Clock
  /** In [0, 1); spreads Retry-After. */
  readonly random?: () => number
}

const DEFAULTS = {
  maxConnections: Number.POSITIVE_INFINITY,
  maxPendingUpgrades: 1_000,
  accepts: () => true,
  upgradeTimeoutMs: 3_000,
  pongTimeoutMs: 30_000,
  closeTimeoutMs: 2_000,
  observer: {},
  clock: systemClock,
  random: Math.random,
}

/** A failure of ours is told as a condition that passes, never as a fault of the client's credentials or quota. */
const OUR_FAULT = { code: 'STORE_UNAVAILABLE', detail: 'the admission could not be decided' } as const
const TOO_LATE = { code: 'STORE_UNAVAILABLE', detail: 'the admission was not decided in time' } as const

/**
 * The one way in. Decides every upgrade request in the order of the design: guard, handshake, path, phase, identity,
 * room on the node, slot, handshake completed. Every upgrade is answered or closed within `upgradeTimeoutMs` (L6), no
 * slot is taken before the identity is known, and each slot taken is given back when its raw socket closes, whatever
 * happened in between (L1).
 */
export class Gate {
  readonly #options: Required<GateOptions>
  readonly #census = new Census<Upgrade>()
  readonly #wheel: PingWheel
  #shut = false

  constructor(options: GateOptions) {
    this.#options = { ...DEFAULTS, ...options }
    this.#wheel = new PingWheel(this.#options.clock, this.#options.pongTimeoutMs)
  }

  /** The listener for the HTTP server's `upgrade` event; it must be the only one. */
  readonly handleUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const upgrade = new Upgrade(request, socket, head)
    const refusal = this.#atTheDoor(request)
    this.#census.move(upgrade, 'identifying')
    upgrade.atClose(() => this.#census.remove(upgrade))
    if (refusal !== undefined) {
      this.#refuse(upgrade, refusal)
      return
    }
    upgrade.expireAfter(this.#options.clock, this.#options.upgradeTimeoutMs, () => this.#refuse(upgrade, TOO_LATE))
    this.#admit(upgrade).catch((error: unknown) => this.#fail(upgrade, error))
  }

  /** Raw sockets in these stages; in all stages where none is given. */
  count(...stages: Stage[]): number {
    return stages.length === 0 ? this.#census.size : this.#census.count(...stages)
  }

  /**
   * Refuses all upgrades from now on, closes every open connection with `closing`, and resolves when all raw sockets
   * are closed: within `withinMs`, since peers that do not answer are cut off in time. Closes are paced over the first
   * half of that time, so that a full node does not send all its clients to its neighbours at one instant.
   */
  async closeAll(closing: ClosingCode, options: CloseAllOptions): Promise<void> {
    this.#shut = true
    for (const upgrade of this.#census.list('identifying', 'admitting')) this.#refuse(upgrade, { code: 'DRAINING' })
    await closePaced(this.#census, (upgrade) => this.#close(upgrade, closing), options, this.#options.clock)
  }

  /** Destroys every socket at once and stops the timer. Slots are given back as the sockets close. */
  destroy(): void {
    this.#shut = true
    for (const upgrade of this.#census.list('identifying', 'admitting', 'open', 'refused')) upgrade.socket.destroy()
    this.#wheel.stop()
    this.#options.sockets.detach()
  }

  /** What can be refused without asking anybody. */
  #atTheDoor(request: IncomingMessage): Refusal | undefined {
    const fault = handshakeFault(request)
    if (fault !== undefined) return fault
    if (!this.#options.accepts(pathOf(request))) return { code: 'NOT_FOUND' }
    const { phase } = this.#options.admitter
    if (phase === 'starting') return { code: 'STARTING' }
    if (phase !== 'running' || this.#shut) return { code: 'DRAINING' }
    if (this.count('identifying', 'admitting') >= this.#options.maxPendingUpgrades) {
      return { code: 'NODE_CAPACITY_EXCEEDED', detail: 'too many upgrades are waiting for a decision' }
    }
    return undefined
  }

  async #admit(upgrade: Upgrade): Promise<void> {
    const { admitter, identify, maxConnections } = this.#options
    const found = await identify(upgrade.request, upgrade.signal)
    if (upgrade.settled) return
    if (!found.identified) return this.#refuse(upgrade, { code: found.code })
    upgrade.identity = found.identity
    if (this.count('admitting', 'open') >= maxConnections) {
      return this.#refuse(upgrade, { code: 'NODE_CAPACITY_EXCEEDED' })
    }
    this.#census.move(upgrade, 'admitting')
    const { org, gateway, limit } = found.identity
    const instance = instanceOf(upgrade.request)
    const { address } = upgrade
    const who = { org, gateway, ...(limit !== undefined && { limit }), ...(instance && { instance }) }
    const admission = await admitter.admit({ ...who, ...(address && { address }) }, upgrade.signal)
    if (admission.admitted) upgrade.atClose(() => admission.release())
    if (upgrade.settled) return
    if (!admission.admitted) return this.#refuse(upgrade, admission)
    if (admission.lost.aborted) return this.#refuse(upgrade, lostBeforeOpen(admission.lost))
    this.#complete(upgrade, admission)
  }

  #complete(upgrade: Upgrade, admitted: Admitted): void {
    const { currentCount, maxAllowed } = admitted
    const headers = rateLimitHeaders('org', maxAllowed, maxAllowed - currentCount).map((pair) => pair.join(': '))
    const { mayCarryFrames } = this.#options.admitter
    const welcome = { identity: upgrade.identity!, admitted, mayCarryFrames }
    this.#options.sockets.complete(upgrade, headers, welcome, (link) => {
      if (!upgrade.settle('open')) return link.terminate()
      upgrade.link = link
      this.#census.move(upgrade, 'open')
      this.#wheel.add(link)
      const lose = () => this.#close(upgrade, closingOf(admitted.lost))
      admitted.lost.addEventListener('abort', lose, { once: true })
      upgrade.atClose(() => {
        admitted.lost.removeEventListener('abort', lose)
        this.#wheel.remove(link)
        this.#options.observer.connectionClosed?.({ ...this.#about(upgrade), connectionId: admitted.connectionId })
      })
      this.#options.observer.connectionOpened?.({ ...this.#about(upgrade), connectionId: admitted.connectionId })
      // Between the decision and here the owner of the sockets may have waited.
      if (admitted.lost.aborted) lose()
    })
  }

  #refuse(upgrade: Upgrade, refusal: Refusal): void {
    if (!upgrade.settle('refused')) return
    const { clock, random, observer, maxPendingUpgrades } = this.#options
    const problem = problemOf(refusal, clock.wallMs(), random)
    // A flood of peers that never read their answer must not pile up here.
    if (this.count('refused') >= maxPendingUpgrades) upgrade.socket.destroy()
    else sendProblem(upgrade.socket, problem, clock, upgrade.head)
    this.#census.move(upgrade, 'refused')
    observer.upgradeRefused?.({ ...this.#about(upgrade), refusal, requestId: problem.requestId })
  }

  #close(upgrade: Upgrade, code: ClosingCode): void {
    const { link } = upgrade
    if (link === undefined || upgrade.closing !== undefined) return
    upgrade.closing = code
    link.close(closings[code].close, closings[code].reason)
    upgrade.atClose(this.#options.clock.after(this.#options.closeTimeoutMs, () => link.terminate()))
  }

  /** A bug of ours or of the embedding program: it costs this one connection, and the operator learns of it. */
  #fail(upgrade: Upgrade, error: unknown): void {
    this.#options.observer.faulted?.({ ...this.#about(upgrade), error })
    if (upgrade.settled) upgrade.socket.destroy()
    else this.#refuse(upgrade, OUR_FAULT)
  }

  #about({ identity, address, closing }: Upgrade) {
    return { org: identity?.org, gateway: identity?.gateway, address, closing }
  }
}

function pathOf({ url = '/' }: IncomingMessage): string {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}

function closingOf({ reason }: AbortSignal): ClosingCode {
  return typeof reason === 'string' && Object.hasOwn(closings, reason) ? (reason as ClosingCode) : 'LEASE_LOST'
}

function lostBeforeOpen(lost: AbortSignal): Refusal {
  return closingOf(lost) === 'DRAINING' ? { code: 'DRAINING' } : OUR_FAULT
}
