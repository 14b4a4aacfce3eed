import { Bag, type Bagged } from '../core/structures/bag.js'

/**
 * Where a raw socket stands, from its `upgrade` event to its `close`: who asks is being found out; a slot is being
 * asked for; there was none, and somebody is asked whether he is still there; it has one, and the owner of the WebSocket
 * server has it in hand, and may yet turn it away; the WebSocket is open; the refusal is being flushed.
 */
export type Stage = 'identifying' | 'admitting' | 'waiting' | 'opening' | 'open' | 'refused'

const STAGES: readonly Stage[] = ['identifying', 'admitting', 'waiting', 'opening', 'open', 'refused']

/** What a census counts. The stage is the census's to set. */
export interface Counted extends Bagged {
  stage: Stage | undefined
}

/**
 * Every raw socket of the gate, by stage. The bags are the truth; nothing is counted beside them, so no count can
 * drift from what is open.
 */
export class Census<T extends Counted> {
  readonly #stages: Readonly<Record<Stage, Bag<T>>> = {
    identifying: new Bag(),
    admitting: new Bag(),
    waiting: new Bag(),
    opening: new Bag(),
    open: new Bag(),
    refused: new Bag(),
  }
  readonly #waiting: (() => void)[] = []

  /** Moves a member, or takes it in. */
  move(member: T, to: Stage): void {
    this.#take(member)
    member.stage = to
    this.#stages[to].add(member)
  }

  remove(member: T): void {
    this.#take(member)
    if (this.size > 0) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  count(...stages: Stage[]): number {
    let sum = 0
    for (const stage of stages) sum += this.#stages[stage].size
    return sum
  }

  get size(): number {
    return this.count(...STAGES)
  }

  /** The members of these stages at this moment; of all where none is given. */
  list(...stages: Stage[]): T[] {
    return (stages.length === 0 ? STAGES : stages).flatMap((stage) => this.#stages[stage].members)
  }

  /** Resolves when nobody is left. */
  empty(): Promise<void> {
    if (this.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #take(member: T): void {
    if (member.stage !== undefined) this.#stages[member.stage].remove(member)
    member.stage = undefined
  }
}
