import { setTimeout as sleep } from 'node:timers/promises'
import { Dice } from './dice.js'
import type { Stage } from './stage.js'

const CHANGE_EVERY_MS = 4_000
const LARGEST_LIMIT = 10

/**
 * Sets a limit for each org at the start, from 1 to 10, and goes on changing them, one at a time, through any node that
 * answers. A change that is not confirmed is written down as that, and tried again.
 */
export class Operator {
  readonly #stage: Stage
  readonly #orgs: readonly string[]
  readonly #dice: Dice
  readonly #stop = new AbortController()
  #changing: Promise<void> = Promise.resolve()

  constructor(stage: Stage, orgs: readonly string[], seed: number) {
    this.#stage = stage
    this.#orgs = orgs
    this.#dice = new Dice(seed + 1)
  }

  async setAll(): Promise<void> {
    for (const [i, org] of this.#orgs.entries()) await this.#set(org, 1 + (i % LARGEST_LIMIT))
  }

  start(): void {
    this.#changing = this.#change()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#changing
  }

  async #change(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#set(this.#dice.oneOf(this.#orgs), this.#dice.whole(1, LARGEST_LIMIT))
      await sleep(CHANGE_EVERY_MS, undefined, { signal: this.#stop.signal }).catch(() => {})
    }
  }

  async #set(org: string, limit: number): Promise<void> {
    const { log, nodes } = this.#stage
    for (let tries = 0; tries < 5 && !this.#stop.signal.aborted; tries++) {
      const askedMs = log.nowMs()
      const confirmed = await this.#dice
        .oneOf(nodes)
        .server.admin(`/admin/v1/orgs/${org}/limit`, {
          method: 'PUT',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ limit }),
        })
        .then(
          () => true,
          () => false,
        )
      log.write({ is: 'limit', org, limit, askedMs, confirmed })
      if (confirmed) return
      await sleep(500)
    }
  }
}
