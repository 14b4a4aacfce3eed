import type { Limiter } from '../limiter/limiter.js'

/** What this node last heard of the store's life. */
export class StoreNews {
  #epoch: string | undefined
  #recoveryMs = 0
  readonly #unlisten: (() => void)[]

  constructor(limiter: Pick<Limiter, 'on'>) {
    this.#unlisten = [
      limiter.on('lease.taken', ({ epoch, recoveryMs }) => {
        this.#epoch = epoch
        this.#recoveryMs = recoveryMs
      }),
      limiter.on('lease.renewed', ({ recoveryMs }) => {
        this.#recoveryMs = recoveryMs
      }),
    ]
  }

  get latest(): { readonly epoch: string | undefined; readonly recoveryMs: number } {
    return { epoch: this.#epoch, recoveryMs: this.#recoveryMs }
  }

  stop(): void {
    for (const stop of this.#unlisten) stop()
  }
}
