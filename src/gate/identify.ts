import type { IncomingMessage } from 'node:http'
import type { ScopeRequest } from '../core/scopes.js'

/** Who is behind an upgrade request, by its credentials. */
export interface Identity {
  readonly org: string
  readonly gateway: string
  /** Names the credential, for counting its attempts. Never the secret itself. */
  readonly keyId?: string | undefined
  /** Limit of this org if no operator's exception exists; the default where absent. */
  readonly limit?: number | undefined
  /** The tier whose limit counts where `limit` is absent. */
  readonly tier?: string | undefined
  /** Limits of the program's own that the connection counts against too. */
  readonly scopes?: readonly ScopeRequest[] | undefined
  /** May use what is reserved of the org's limit. */
  readonly priority?: boolean | undefined
}

export type Identification =
  | { readonly identified: true; readonly identity: Identity }
  | {
      readonly identified: false
      /** `IDENTITY_UNAVAILABLE` where it could not be found out: a failure that passes, not a bad credential. */
      readonly code: 'UNAUTHENTICATED' | 'ORG_DISABLED' | 'IDENTITY_UNAVAILABLE'
      /** One sentence for whoever reads the refusal. Never holds the credential. */
      readonly detail?: string | undefined
      readonly retryAfterMs?: number | undefined
      /** Whose credential it is, where that is known: for logs and notes of refusals alone. The client is not told. */
      readonly identity?: Identity | undefined
    }

/**
 * Finds out who asks. Must answer by itself within a second or so; until it has, `signal` aborts when the client is
 * gone or the upgrade's deadline has passed. Who answers at once must not keep it: it goes on to others. What listens
 * to it must not throw. `address` is the client's, as far as it is known. A rejection counts as a failure of ours
 * (503), never as a bad credential.
 */
export type Identify = (
  request: IncomingMessage,
  signal: AbortSignal,
  address?: string,
) => Promise<Identification> | Identification
