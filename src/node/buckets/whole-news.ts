import type { Clock } from '../../core/clock.js'
import type { EventBus, NodeEvents } from '../../core/events.js'
import type { PartEvents } from './bucket-events.js'

interface WholeParts {
  readonly events: EventBus
  /** How many buckets the node has. */
  readonly buckets: number
  readonly clock: Clock
  /** So long the first bucket that admits waits for the others. */
  readonly patienceMs: number
  /** Called before it is told that the node has started. */
  readonly started: () => void
}

/** Makes of what the buckets of a node say one word for the whole. */
export class WholeNews {
  readonly #parts: WholeParts
  readonly #renewed = new Map<number, NodeEvents['lease.renewed']>()
  readonly #running = new Set<number>()
  #cancelPatience: (() => void) | undefined
  #isStarted = false
  #isQuiet = false
  #isToldToStop = false
  #drained = 0
  #left = 0
  readonly #hear: { readonly [E in keyof PartEvents]: (bucket: number, payload: PartEvents[E]) => void } = {
    'node.started': (bucket) => this.#partStarted(bucket),
    'node.quieted': () => this.#quieted(),
    'node.drained': (_, drained) => this.#partDrained(drained),
    'lease.renewed': (bucket, renewed) => this.#partRenewed(bucket, renewed),
    'drain.ordered': () => this.#toldToStop(),
  }

  constructor(parts: WholeParts) {
    this.#parts = parts
  }

  heard<E extends keyof PartEvents>(bucket: number, event: E, payload: PartEvents[E]): void {
    this.#hear[event](bucket, payload)
  }

  /** What its store said last is about nobody any more: neither how many nodes there are, nor how long it recovers. */
  left(bucket: number): void {
    this.#renewed.delete(bucket)
  }

  /**
   * The node has started when all its buckets have, or some time after the first: a bucket whose store is away must not
   * keep the orgs of all others out.
   */
  #partStarted(bucket: number): void {
    const { buckets, clock, patienceMs } = this.#parts
    this.#running.add(bucket)
    if (this.#running.size === buckets) this.#start()
    else this.#cancelPatience ??= clock.after(patienceMs, () => this.#start())
  }

  #start(): void {
    this.#cancelPatience?.()
    if (this.#isStarted || this.#isQuiet) return
    this.#isStarted = true
    this.#parts.started()
    this.#parts.events.emit('node.started', {})
  }

  #quieted(): void {
    this.#cancelPatience?.()
    if (this.#isQuiet) return
    this.#isQuiet = true
    this.#parts.events.emit('node.quieted', {})
  }

  #partDrained({ left }: NodeEvents['node.drained']): void {
    this.#drained += 1
    this.#left += left
    if (this.#drained === this.#parts.buckets) this.#parts.events.emit('node.drained', { left: this.#left })
  }

  /**
   * A node is in each bucket, so the highest number of nodes is the number of all; the worst recovery is that of the
   * whole.
   */
  #partRenewed(bucket: number, renewed: NodeEvents['lease.renewed']): void {
    this.#renewed.set(bucket, renewed)
    const all = [...this.#renewed.values()]
    this.#parts.events.emit('lease.renewed', {
      liveNodes: Math.max(...all.map(({ liveNodes }) => liveNodes)),
      deadLeases: all.reduce((sum, { deadLeases }) => sum + deadLeases, 0),
      recoveryMs: Math.max(...all.map(({ recoveryMs }) => recoveryMs)),
    })
  }

  #toldToStop(): void {
    if (this.#isToldToStop) return
    this.#isToldToStop = true
    this.#parts.events.emit('drain.ordered', {})
  }
}
