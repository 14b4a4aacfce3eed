import type { HelloRequest, LeaseStore, Reply, StoreConnection } from '../../src/store/lease-store.js'
import type { MemoryStore } from '../../src/store/memory/store.js'
import { aroundVerbs, type Verb } from '../../src/store/verbs.js'

/** A call that a node has made and that the test has not let through yet. */
export interface SteeredCall {
  readonly verb: Verb
  /** What was said, the fence (or the hello's request) first. */
  readonly said: readonly unknown[]
  /** The store does it and the node hears. */
  answer(): Promise<void>
  /** The store does it and the node never hears, as when the reply is lost. */
  loseAnswer(): Promise<void>
  /** The node gives up waiting; the call is still under way, and `deliver` may bring it to the store later. */
  giveUp(): void
  /** The store does it now, whatever the node thinks of it; returns what it would have answered. */
  deliver(): Promise<Reply<unknown>>
}

/**
 * The embedded store behind a network that the test steers: any verb can be held up, and then answered, lost or
 * delivered late, as Redis is behind a bad line. To the nodes it is a store that outlives them, with deadlines and all.
 */
export class SteeredStore implements LeaseStore {
  readonly embedded = false
  readonly description = 'steered'
  readonly inner: MemoryStore
  /** While true, nobody can connect. */
  away = false
  /** Attempts to connect. */
  connects = 0
  readonly hellos: HelloRequest[] = []
  readonly #heldUp = new Set<Verb>()
  readonly #calls: SteeredCall[] = []

  constructor(inner: MemoryStore) {
    this.inner = inner
  }

  /** Calls held up at this moment, the oldest first. */
  get calls(): readonly SteeredCall[] {
    return this.#calls
  }

  holdUp(...verbs: Verb[]): void {
    for (const verb of verbs) this.#heldUp.add(verb)
  }

  /** Lets further calls of these verbs through; those held up stay so. */
  letThrough(...verbs: Verb[]): void {
    for (const verb of verbs) this.#heldUp.delete(verb)
  }

  letAllThrough(): void {
    this.#heldUp.clear()
  }

  async connect(): Promise<Reply<StoreConnection>> {
    this.connects++
    if (this.away) return { status: 'unanswered', cause: 'nobody there' }
    const connected = await this.inner.connect()
    return connected.status === 'ok' ? { status: 'ok', value: this.#steered(connected.value) } : connected
  }

  get inspector() {
    return this.inner.inspector
  }

  get journal() {
    return this.inner.journal
  }

  close = () => this.inner.close()

  #steered(line: StoreConnection): StoreConnection {
    let gone: string | undefined
    const waiting = new Set<(cause: string) => void>()
    let closed = (_cause: string) => {}
    const whenClosed = new Promise<string>((resolve) => {
      closed = resolve
    })
    const destroy = (cause: string) => {
      gone ??= cause
      for (const giveUp of waiting) giveUp(gone)
      closed(gone)
    }
    const verbs = aroundVerbs(line, (verb, say, said) => {
      if (verb === 'hello') this.hellos.push(said[0] as HelloRequest)
      if (gone !== undefined) return Promise.resolve({ status: 'unanswered', cause: gone })
      return this.#heldUp.has(verb) ? this.#hold(verb, said, say, waiting) : say()
    })
    return { ...verbs, closed: whenClosed, destroy }
  }

  #hold(
    verb: Verb,
    said: readonly unknown[],
    say: () => Promise<Reply<unknown>>,
    waiting: Set<(cause: string) => void>,
  ): Promise<Reply<unknown>> {
    return new Promise((resolve) => {
      const settle = (reply: Reply<unknown>) => {
        waiting.delete(giveUp)
        const place = this.#calls.indexOf(call)
        if (place >= 0) this.#calls.splice(place, 1)
        resolve(reply)
      }
      const giveUp = (cause = 'no answer') => settle({ status: 'unanswered', cause })
      const call: SteeredCall = {
        verb,
        said,
        answer: async () => settle(await say()),
        async loseAnswer() {
          await say()
          giveUp()
        },
        giveUp: () => giveUp(),
        deliver: say,
      }
      waiting.add(giveUp)
      this.#calls.push(call)
    })
  }
}
