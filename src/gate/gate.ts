import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { AdmissionRequest, Admitted } from '../core/admission.js'
import type { ClosingCode } from '../core/closures.js'
import { Deadlines } from '../core/structures/deadlines.js'
import { toldAtOnce } from '../core/tell.js'
import { Census, type Stage } from './census.js'
import { clientAddress, networksOf } from './client-address.js'
import { type CloseAllOptions, closePaced } from './close-paced.js'
import { Closer } from './closer.js'
import { about, aboutConnection, type GateObserver, guardedObserver } from './gate-observer.js'
import { type GateOptions, type ResolvedGateOptions, resolveGateOptions } from './gate-options.js'
import { handshakeFault, instanceOf, resumeTokenOf } from './handshake.js'
import { Identifier } from './identifier.js'
import type { Identity } from './identify.js'
import { LinkPeer } from './link-peer.js'
import { lostBeforeOpen, OUR_FAULT, TOO_LATE } from './our-faults.js'
import { pathOf } from './path-of.js'
import { PingWheel } from './ping-wheel.js'
import { Rates } from './rates.js'
import { problemOf, type Refusal, rateLimitHeaders, sendProblem } from './refuse.js'
import { closingWords, isToldInside } from './reject.js'
import { Revoker } from './revoker.js'
import { Upgrade, type UpgradeOwner } from './upgrade.js'

/** So many times the upgrades that may wait for a decision may wait for their refusal to be flushed. */
const REFUSED_AT_ONCE = 4
const NODE_FULL: Refusal = { code: 'NODE_CAPACITY_EXCEEDED' }
const UNDECIDED: readonly Stage[] = ['identifying', 'admitting', 'waiting', 'opening']

/**
 * The one way in. Decides every upgrade request in the order of the design: guard, handshake, path, phase, rate,
 * identity, room on the node, slot, handshake completed. Every upgrade is answered or closed within `upgradeTimeoutMs`
 * (L6), no slot is taken before the identity is known, and each slot taken is given back when its raw socket closes,
 * whatever happened in between (L1).
 */
export class Gate {
  readonly #options: ResolvedGateOptions & { readonly observer: Required<GateObserver> }
  readonly #owner: UpgradeOwner = {
    waits: (upgrade) => this.#census.move(upgrade, 'waiting'),
    decided: (upgrade) => this.#undecided.remove(upgrade),
    closed: (upgrade) => this.#census.remove(upgrade),
    faulted: (upgrade, error) => this.#report(upgrade, error),
  }
  readonly #census = new Census<Upgrade>()
  readonly #undecided: Deadlines<Upgrade>
  readonly #identifier: Identifier
  readonly #wheel: PingWheel
  readonly #rates: Rates
  readonly #revoker: Revoker
  readonly #addressOf: (request: IncomingMessage) => string | undefined
  readonly #closer: Closer
  #shut = false

  /** Throws `UsageError` for options that cannot work. */
  constructor(options: GateOptions) {
    this.#options = { ...resolveGateOptions(options), observer: guardedObserver(options.observer ?? {}) }
    const { clock, pongTimeoutMs, rates, random, trustedProxies, upgradeTimeoutMs } = this.#options
    this.#undecided = new Deadlines(clock, upgradeTimeoutMs, (upgrade) => this.#refuse(upgrade, TOO_LATE))
    this.#identifier = new Identifier(this.#options.identify)
    this.#wheel = new PingWheel(clock, pongTimeoutMs)
    this.#rates = new Rates(rates, random)
    this.#closer = new Closer(this.#options)
    const close = (upgrade: Upgrade) => this.#closer.close(upgrade, 'KEY_REVOKED')
    this.#revoker = new Revoker({ ...this.#options, census: this.#census, close, goesOn: () => !this.#shut })
    this.#addressOf = clientAddress(networksOf(trustedProxies))
  }

  /** The listener for the HTTP server's `upgrade` event; it must be the only one. */
  readonly handleUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const upgrade = new Upgrade(request, socket, head, this.#owner)
    this.#census.move(upgrade, 'identifying')
    this.#undecided.add(upgrade)
    upgrade.catchUp()
    // All that others wrote is called in there, also the first of it: what throws in a socket's event ends the process.
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
    for (const upgrade of this.#census.list(...UNDECIDED)) this.#refuse(upgrade, { code: 'DRAINING' })
    await closePaced(this.#census, (upgrade) => this.#closer.close(upgrade, closing), options, this.#options.clock)
  }

  /** Who holds the open connections: one entry a connection, and the same object for all of one credential or not. */
  identities(): Identity[] {
    return this.#census.list('open').map(({ identity }) => identity!)
  }

  /** Closes, at a pace, every open connection whose identity may not stay any more. */
  closeRevoked(): Promise<void> {
    return this.#revoker.run()
  }

  /** Destroys every socket at once and stops the timer. Slots are given back as the sockets close. */
  destroy(): void {
    this.#shut = true
    for (const upgrade of this.#census.list()) upgrade.socket.destroy()
    this.#undecided.stop()
    this.#wheel.stop()
    this.#rates.stop()
    this.#options.sockets.detach()
  }

  async #admit(upgrade: Upgrade): Promise<void> {
    if (upgrade.decided) return
    upgrade.address = this.#addressOf(upgrade.request)
    // What is known at once is not waited for (ADR 23).
    const attempt = this.#atTheDoor(upgrade.request) ?? this.#rates.ofAttempt(upgrade.address)
    const refusal = (attempt instanceof Promise ? await attempt : attempt) ?? this.#crowd()
    if (upgrade.decided) return
    if (refusal !== undefined) return this.#refuse(upgrade, refusal)
    const asked = this.#identifier.ask(upgrade)
    const found = 'then' in asked ? await asked : asked
    if (upgrade.decided) return
    upgrade.identity = found.identity
    if (!found.identified) {
      const { identified, identity, ...refusal } = found
      return this.#refuse(upgrade, refusal)
    }
    const ofKey = this.#rates.ofKey(found.identity)
    const tooOften = ofKey && (await ofKey)
    if (upgrade.decided) return
    if (tooOften !== undefined) return this.#refuse(upgrade, tooOften)
    if (!this.#mayAsk(found.identity)) return this.#refuse(upgrade, NODE_FULL)
    this.#census.move(upgrade, 'admitting')
    const admission = await this.#options.admitter.admit(requestOf(upgrade, found.identity), upgrade)
    if (admission.admitted) upgrade.atClose(() => admission.release())
    if (upgrade.decided) return
    if (!admission.admitted) return this.#refuse(upgrade, admission)
    if (admission.closing) return this.#refuse(upgrade, lostBeforeOpen(admission.closing))
    // Who asks or waits keeps no room, so that nobody is turned away for it; now there may be none.
    if (this.#room <= 0) {
      admission.release()
      return this.#refuse(upgrade, NODE_FULL)
    }
    this.#complete(upgrade, admission)
  }

  /** So many more connections the node may hold. */
  get #room(): number {
    return this.#options.maxConnections - this.count('opening', 'open')
  }

  /**
   * Whether there is room, also for all who are asking for a slot. Where there is some but not for all of them, an org of
   * whom nobody asks may: else one that is full, and comes again and again, would keep others out with attempts alone (S5).
   */
  #mayAsk({ org }: Identity): boolean {
    const room = this.#room
    if (room > this.count('admitting')) return true
    return room > 0 && !this.#census.list('admitting').some(({ identity }) => identity!.org === org)
  }

  /** What can be refused by a look at the request. */
  #atTheDoor(request: IncomingMessage): Refusal | undefined {
    const fault = handshakeFault(request)
    if (fault !== undefined) return fault
    if (!toldAtOnce(this.#options.accepts(pathOf(request)), 'accepts')) return { code: 'NOT_FOUND' }
    const { phase } = this.#options.admitter
    if (phase === 'starting') {
      const { startRetryMs: retryAfterMs } = this.#options.admitter
      return { code: 'STARTING', ...(retryAfterMs !== undefined && { retryAfterMs }) }
    }
    return phase !== 'running' || this.#shut ? { code: 'DRAINING' } : undefined
  }

  #crowd(): Refusal | undefined {
    if (this.count('identifying', 'admitting', 'opening') <= this.#options.maxPendingUpgrades) return undefined
    return { code: 'NODE_CAPACITY_EXCEEDED', detail: 'too many upgrades are waiting for a decision' }
  }

  #complete(upgrade: Upgrade, admitted: Admitted): void {
    const { currentCount, maxAllowed, connectionId } = admitted
    const headers = rateLimitHeaders('org', maxAllowed, maxAllowed - currentCount)
    const welcome = { identity: upgrade.identity!, admitted }
    this.#census.move(upgrade, 'opening')
    this.#options.sockets.complete(upgrade, headers, welcome, (link) => {
      if (!upgrade.decide('open')) return link.terminate()
      upgrade.link = link
      this.#census.move(upgrade, 'open')
      // Who comes back may not have got this answer either: its next attempt shall not wait long for its own ghost. The
      // ping leaves with the 101, ahead of whatever the program may have to say, which may take long to be read.
      this.#wheel.add(link, { atOnce: admitted.replaces !== undefined })
      const { observer } = this.#options
      upgrade.atClose(() => {
        this.#wheel.remove(link)
        observer.connectionClosed(aboutConnection(upgrade, connectionId))
      })
      observer.connectionOpened(aboutConnection(upgrade, connectionId))
      const close = (closing: ClosingCode) => this.#closer.close(upgrade, closing)
      // Between the decision and here the owner of the sockets may have waited: then it may be closed by this already.
      admitted.watch(new LinkPeer(link, upgrade.socket, this.#wheel, this.#options.clock, close))
      if (!admitted.closing && !this.#options.mayStay(upgrade.identity!)) close('KEY_REVOKED')
    })
  }

  #refuse(upgrade: Upgrade, refusal: Refusal): void {
    if (!upgrade.decide('refused')) return
    try {
      this.#answer(upgrade, refusal)
    } catch (error) {
      upgrade.fail(error)
    }
  }

  #answer(upgrade: Upgrade, refusal: Refusal): void {
    const { clock, random, observer, maxPendingUpgrades, reject, sockets } = this.#options
    const problem = problemOf(refusal, clock.wallMs(), random)
    const isInside = isToldInside(reject, upgrade.request, refusal.code) && upgrade.stage !== 'opening'
    // A flood of peers that never read their answer must not pile up here; a crowd that is refused at one instant may.
    if (this.count('refused') >= REFUSED_AT_ONCE * maxPendingUpgrades) upgrade.socket.destroy()
    else if (isInside) sockets.turnAway(upgrade, closingWords(refusal, problem))
    else sendProblem(upgrade.socket, problem, clock, upgrade.head)
    this.#census.move(upgrade, 'refused')
    const { requestId, retryAfterSeconds } = problem
    observer.upgradeRefused({ ...about(upgrade), refusal, requestId, retryAfterSeconds })
  }

  /** A bug of ours or of the embedding program: it costs this one connection, and the operator learns of it. */
  #fail(upgrade: Upgrade, error: unknown): void {
    if (upgrade.decided) {
      upgrade.fail(error)
      return
    }
    this.#report(upgrade, error)
    this.#refuse(upgrade, OUR_FAULT)
  }

  #report(upgrade: Upgrade, error: unknown): void {
    this.#options.observer.faulted({ ...about(upgrade), error })
  }
}

/** Field by field: copying objects whose fields are not known takes fifty times as long. */
function requestOf({ address, request }: Upgrade, identity: Identity): AdmissionRequest {
  const { org, gateway, limit, tier, scopes, priority } = identity
  const [instance, resumeToken] = [instanceOf(request), resumeTokenOf(request)]
  return { org, gateway, limit, tier, scopes, priority, instance, address, resumeToken }
}
