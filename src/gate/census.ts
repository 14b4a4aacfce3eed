/**
 * Where a raw socket stands, from its `upgrade` event to its `close`: who asks is being found out; a slot is being
 * asked for; the WebSocket is open; the refusal is being flushed.
 */
export type Stage = 'identifying' | 'admitting' | 'open' | 'refused'

/**
 * Every raw socket of the gate, by stage. The sets are the truth; nothing is counted beside them, so no count can
 * drift from what is open.
 */
export class Census<T> {
  readonly #stages: Record<Stage, Set<T>> = {
    identifying: new Set(),
    admitting: new Set(),
    open: new Set(),
    refused: new Set(),
  }
  readonly #sets = Object.values(this.#stages)
  readonly #waiting: (() => void)[] = []

  /** Moves a member, or takes it in. */
  move(member: T, to: Stage): void {
    for (const stage of this.#sets) stage.delete(member)
    this.#stages[to].add(member)
  }

  remove(member: T): void {
    for (const stage of this.#sets) stage.delete(member)
    if (this.size > 0) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  count(...stages: Stage[]): number {
    return stages.reduce((sum, stage) => sum + this.#stages[stage].size, 0)
  }

  get size(): number {
    return this.count('identifying', 'admitting', 'open', 'refused')
  }

  /** The members of a stage at this moment. */
  list(...stages: Stage[]): T[] {
    return stages.flatMap((stage) => [...this.#stages[stage]])
  }

  /** Resolves when nobody is left. */
  empty(): Promise<void> {
    if (this.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}
