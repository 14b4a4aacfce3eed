import type { Gate } from '../gate/gate.js'
import type { Identification, Identity } from '../gate/identify.js'

/** What is known of an attempt beside its credential. */
export interface Attempt {
  /** Of the request, without the query. */
  readonly path: string
  readonly address: string | undefined
}

/** One way to find out who presents a credential, and whether who was let in may stay. */
export interface IdentitySource {
  /**
   * `undefined` where the credential is none of this source's, and the next may be asked. Answers within 2.75 s. A
   * failure of the source is told as `IDENTITY_UNAVAILABLE`, never as a fault of the credential.
   */
  identify(credential: string, attempt: Attempt): Promise<Identification | undefined> | Identification | undefined
  /** Whether a connection may stay that this source has identified so. Cheap: asked for every open connection. */
  mayStay(identity: Identity): boolean
  /** From here on the source tells the gate when somebody may not stay any more. */
  watch?(gate: Pick<Gate, 'closeRevoked' | 'identities'>): void
  stop(): void
}
