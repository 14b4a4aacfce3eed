import type { Gate } from '../gate/gate.js'
import type { Identification, Identify, Identity } from '../gate/identify.js'
import { credentialOf } from './credential.js'
import type { IdentitySource } from './identity-source.js'

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

  readonly identify: Identify = async ({ headers, url = '/' }, _signal, address) => {
    const credential = credentialOf(headers)
    if (credential === undefined) return UNAUTHENTICATED
    const attempt = { path: url.split('?', 1)[0]!, address }
    for (const source of this.#sources) {
      const found = await source.identify(credential, attempt)
      if (found === undefined) continue
      if (found.identified) this.#cameBy.set(found.identity, source)
      return found
    }
    return UNAUTHENTICATED
  }

  readonly mayStay = (identity: Identity): boolean => this.#cameBy.get(identity)?.mayStay(identity) ?? true

  watch(gate: Pick<Gate, 'closeRevoked' | 'identities'>): void {
    for (const source of this.#sources) source.watch?.(gate)
  }

  stop(): void {
    for (const source of this.#sources) source.stop()
  }
}
