import type { Gate } from '../gate/gate.js'
import type { Identification, Identify, Identity } from '../gate/identify.js'
import { pathOf } from '../gate/path-of.js'
import { credentialOf } from './credential.js'
import type { Attempt, IdentitySource } from './identity-source.js'

const UNAUTHENTICATED: Identification = { identified: false, code: 'UNAUTHENTICATED' }

/**
 * Several ways to find out who asks, as one. They are asked in order, and the first that knows the credential decides:
 * also where it refuses, or cannot answer. Who was let in stays as long as the way by which it came says so.
 */
export class Identities {
  readonly #sources: readonly IdentitySource[]
  readonly #cameBy = new WeakMap<Identity, IdentitySource>()

  constructor(sources: readonly IdentitySource[]) {
    this.#sources = sources
  }

  /** Answers at once as long as the sources do. */
  readonly identify: Identify = (request, _signal, address) => {
    const credential = credentialOf(request.headers)
    if (credential === undefined) return UNAUTHENTICATED
    return this.#ask(credential, { path: pathOf(request), address }, this.#sources.values())
  }

  #ask(
    credential: string,
    attempt: Attempt,
    sources: Iterator<IdentitySource>,
  ): Promise<Identification> | Identification {
    for (let next = sources.next(); !next.done; next = sources.next()) {
      const source = next.value
      const found = source.identify(credential, attempt)
      if (found instanceof Promise) {
        return found.then((found) => (found ? this.#known(found, source) : this.#ask(credential, attempt, sources)))
      }
      if (found) return this.#known(found, source)
    }
    return UNAUTHENTICATED
  }

  #known(found: Identification, source: IdentitySource): Identification {
    if (found.identified) this.#cameBy.set(found.identity, source)
    return found
  }

  readonly mayStay = (identity: Identity): boolean => this.#cameBy.get(identity)?.mayStay(identity) ?? true

  watch(gate: Pick<Gate, 'closeRevoked' | 'identities'>): void {
    for (const source of this.#sources) source.watch?.(gate)
  }

  stop(): void {
    for (const source of this.#sources) source.stop()
  }
}
