import type { Limiter } from '../../limiter/limiter.js'

/** What this node last heard of the store's life. */
export class StoreNews {
  #epoch: string | undefined
  readonly #unlisten: () => void

  constructor(limiter: Pick<Limiter, 'on'>) {
    this.#unlisten = limiter.on('lease.taken', ({ epoch }) => {
      this.#epoch = epoch
    })
  }

  get epoch(): string | undefined {
    return this.#epoch
  }

  stop(): void {
    this.#unlisten()
  }
}
