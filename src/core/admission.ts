import type { ClosingCode, RefusalCode } from './closures.js'
import type { Ending } from './ending.js'
import type { Peer } from './peer.js'
import type { ScopeRequest } from './scopes.js'

/** Who asks for a slot. */
export interface AdmissionRequest {
  /** The tenant whose connections are counted: 1–256 characters, no lone surrogates, neither `.` nor `..`. */
  readonly org: string
  /** Which gateway of the org: text as an org id. Shown to operators, and counted where `limits.gateway` is set. */
  readonly gateway?: string | undefined
  /**
   * The process of the client. Where instances are limited it may hold one connection: an older one is asked at once
   * whether it is still there, and makes room if it is not. Text as an org id.
   */
  readonly instance?: string | undefined
  /** Remote address: text as an org id. Shown to operators, and counted where `limits.address` is set. */
  readonly address?: string | undefined
  /** The org's limit, in slots, where operators have set none; that of the tier, or the default, where absent. */
  readonly limit?: number | undefined
  /** The tier whose limit counts where `limit` is absent; a name that is no tier counts as the lowest. */
  readonly tier?: string | undefined
  /** Limits of the program's own that the connection counts against too: at most four, all of them or none. */
  readonly scopes?: readonly ScopeRequest[] | undefined
  /** May use what is reserved of the org's limit. */
  readonly priority?: boolean | undefined
  /**
   * What an earlier connection of the same client was given as `resumeToken`. If that still holds a slot, this one gets
   * it and that one is closed, on whatever node it is. A token that is forged, expired or somebody else's counts as
   * none.
   */
  readonly resumeToken?: string | undefined
  /** The same by the id of the earlier connection, of the same org, where the caller knows whose it is. */
  readonly replaces?: string | undefined
}

/** The decision: a value, never an exception. */
export type Admission = Admitted | Denied

export interface Admitted {
  readonly admitted: true
  /** Unique over the cluster and for all time. */
  readonly connectionId: string
  /**
   * Connections of the org, this one included, and how many requests of this kind may come to: the limit in force, less
   * what is reserved for others. `Infinity` where unlimited.
   */
  readonly currentCount: number
  readonly maxAllowed: number
  /** So many slots more are reserved for requests that have priority; absent where none are, or this one has it. */
  readonly reserved?: number
  /**
   * The earlier connection whose place it was to take, by a token that was good or by `replaces`, whether that still held
   * a slot or not. The client may never learn that it has this one: ping it at once if you watch your connections yourself.
   */
  readonly replaces?: string | undefined
  /** Shown by a later request, it gets this connection's slot; absent while the store has never been heard. */
  readonly resumeToken: string | undefined
  /**
   * Gives the slot back. Call it when the connection is really closed, not before. Harmless twice, and needs no `this`: it
   * may be a listener by itself.
   */
  readonly release: () => void
  /**
   * Aborts when the slot is lost or the node drains: close the connection, then call `release`. The signal's reason is
   * a `ClosingCode`.
   */
  readonly lost: AbortSignal
  /** Why it is to be closed, once it is: the reason of `lost`. */
  readonly closing: ClosingCode | undefined
  /**
   * Present where no frame may pass once the lease cannot be trusted (S7): asked before each frame is handed to or
   * taken from the socket.
   */
  readonly mayCarryFrames?: (() => boolean) | undefined
  /**
   * Tells the node how to ask whether the peer is still there, when somebody needs its slot, and how to have it closed.
   * A connection of which it was not told is never asked.
   */
  watch(peer: Peer): void
}

export interface Denied {
  readonly admitted: false
  /** `ADMISSION_UNDECIDED` where the caller's own signal ended the wait. */
  readonly code: RefusalCode
  /** Present when a limit was the reason: those of the scope that is full. */
  readonly currentCount?: number
  readonly maxAllowed?: number
  /**
   * Which limit was the reason, where it was another than the org's: `instance`, `gateway`, `address`, `cluster`, or a
   * name of yours.
   */
  readonly scope?: string
  /** The org has so many slots more, for requests that have priority. */
  readonly reserved?: number
  /** Present when the same attempt may succeed later. */
  readonly retryAfterMs?: number
}

/** `starting` until the first admission is possible; the rest in the order of a stop on purpose. */
export type Phase = 'starting' | 'running' | 'quiet' | 'draining' | 'stopped'

/** Whoever waits for a decision. */
export interface Asker extends Ending {
  /**
   * Called, once at most, where a limit is full and the decision begins to wait because somebody is asked whether he is
   * still there. That may take seconds, and mostly ends with a no.
   */
  waits?(): void
}

/** What the gate needs of a node. */
export interface Admitter {
  readonly phase: Phase
  /** While it is `starting`: when to come back, spread anew for each who asks; absent where nothing is known. */
  readonly startRetryMs?: number | undefined
  /**
   * Decides within the store's deadline, and where a limit is full and silent peers are asked whether they are still
   * there, within their time to answer and that deadline once more; for an instance whose old connection is on another
   * node within 3 s. `asker` is the caller's own end: when it aborts while the decision is pending, whatever was taken is
   * given back. Throws `UsageError` for a request that can never be valid.
   */
  admit(request: AdmissionRequest, asker?: Asker): Promise<Admission>
}
