import type { RefusalCode } from './closures.js'

/** Who asks for a slot. */
export interface AdmissionRequest {
  /** The tenant whose connections are counted: 1–256 characters, any but lone surrogates. */
  readonly org: string
  readonly gateway?: string
  readonly instance?: string
  /** Remote address, for operators. */
  readonly address?: string
  /** The org's limit if the operator made no exception for it; the node's default where absent. */
  readonly limit?: number
  /** The tier whose limit counts where `limit` is absent; a name that is no tier counts as the lowest. */
  readonly tier?: string
}

/** The decision: a value, never an exception. */
export type Admission = Admitted | Denied

export interface Admitted {
  readonly admitted: true
  /** Unique over the cluster and for all time. */
  readonly connectionId: string
  /** Connections of the org, this one included, and the limit in force. `Infinity` where unlimited. */
  readonly currentCount: number
  readonly maxAllowed: number
  /** Gives the slot back. Call it when the connection is really closed, not before. Harmless twice. */
  release(): void
  /**
   * Aborts when the slot is lost or the node drains: close the connection, then call `release`. The signal's reason is
   * a `ClosingCode`.
   */
  readonly lost: AbortSignal
}

export interface Denied {
  readonly admitted: false
  /** `ADMISSION_UNDECIDED` where the caller's own signal ended the wait. */
  readonly code: RefusalCode
  /** Present when a limit was the reason. */
  readonly currentCount?: number
  readonly maxAllowed?: number
  /** Present when the same attempt may succeed later. */
  readonly retryAfterMs?: number
}

/** `starting` until the first admission is possible; the rest in the order of a stop on purpose. */
export type Phase = 'starting' | 'running' | 'quiet' | 'draining' | 'stopped'

/** What the gate needs of a node. */
export interface Admitter {
  readonly phase: Phase
  /**
   * Present where no frame may pass once the lease cannot be trusted (S7): asked before each frame is handed to or
   * taken from a socket.
   */
  readonly mayCarryFrames?: (() => boolean) | undefined
  /**
   * Decides within the store's deadline. `signal` is the caller's own end: when it aborts while the decision is
   * pending, whatever was taken is given back. Throws `UsageError` for a request that can never be valid.
   */
  admit(request: AdmissionRequest, signal?: AbortSignal): Promise<Admission>
}
