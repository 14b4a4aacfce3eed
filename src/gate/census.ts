/**
 * Where a raw socket stands, from its `upgrade` event to its `close`: who asks is being found out; a slot is being
 * asked for; the WebSocket is open; the refusal is being flushed.
 */
export type Stage = 'identifying' | 'admitting' | 'open' | 'refused'

/** What a census counts. Both are the census's to set. */
export interface Counted {
  stage: Stage | undefined
  /** Its place in the list of its stage. */
  place: number
}

/**
 * Every raw socket of the gate, by stage. The lists are the truth; nothing is counted beside them, so no count can
 * drift from what is open.
 *
 * They are arrays, in no order, whose members know their places: a set through which thousands pass in a second leaves a
 * trail of old tables, and each keeps alive who was in it until a full collection of garbage.
 */
export class Census<T extends Counted> {
  readonly #stages: Readonly<Record<Stage, T[]>> = { identifying: [], admitting: [], open: [], refused: [] }
  readonly #waiting: (() => void)[] = []

  /** Moves a member, or takes it in. */
  move(member: T, to: Stage): void {
    this.#take(member)
    member.stage = to
    member.place = this.#stages[to].push(member) - 1
  }

  remove(member: T): void {
    this.#take(member)
    if (this.size > 0) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  count(...stages: Stage[]): number {
    let sum = 0
    for (const stage of stages) sum += this.#stages[stage].length
    return sum
  }

  get size(): number {
    return this.count('identifying', 'admitting', 'open', 'refused')
  }

  /** The members of a stage at this moment. */
  list(...stages: Stage[]): T[] {
    return stages.flatMap((stage) => this.#stages[stage])
  }

  /** Resolves when nobody is left. */
  empty(): Promise<void> {
    if (this.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** The last one takes the place of who leaves. */
  #take(member: T): void {
    if (member.stage === undefined) return
    const list = this.#stages[member.stage]
    const last = list.pop()!
    if (last !== member) {
      list[member.place] = last
      last.place = member.place
    }
    member.stage = undefined
  }
}
