import type { Clock } from '../core/clock.js'
import type { Gate } from '../gate/gate.js'
import type { Identification, Identity } from '../gate/identify.js'
import type { IdentityAnswer } from '../observe/metrics/server-metrics.js'
import type { Attempt, IdentitySource } from './identity-source.js'

/** Another source, with somebody who is told how long each of its answers took, and what it was. */
export class MeasuredSource implements IdentitySource {
  readonly name: string
  readonly #source: IdentitySource
  readonly #clock: Clock
  readonly #tell: (answer: IdentityAnswer) => void

  constructor(name: string, source: IdentitySource, clock: Clock, tell: (answer: IdentityAnswer) => void) {
    this.name = name
    this.#source = source
    this.#clock = clock
    this.#tell = tell
  }

  /** At once where the source answers at once. */
  identify(credential: string, attempt: Attempt): Promise<Identification | undefined> | Identification | undefined {
    const startMs = this.#clock.monotonicMs()
    const tell = (found: Identification | undefined) => {
      const result = found === undefined ? 'unknown' : found.identified ? 'identified' : found.code
      this.#tell({ source: this.name, result, tookMs: this.#clock.monotonicMs() - startMs })
      return found
    }
    const found = this.#source.identify(credential, attempt)
    return found instanceof Promise ? found.then(tell) : tell(found)
  }

  mayStay(identity: Identity): boolean {
    return this.#source.mayStay(identity)
  }

  watch(gate: Pick<Gate, 'closeRevoked' | 'identities'>): void {
    this.#source.watch?.(gate)
  }

  stop(): void {
    this.#source.stop()
  }
}
