import { EventBus, type NodeEvents } from '../../core/events.js'

/** What a bucket's part of a node says of itself, and others must not take for the whole. */
export type PartEvents = Pick<
  NodeEvents,
  'node.started' | 'node.quieted' | 'node.drained' | 'lease.renewed' | 'drain.ordered'
>

type Tell = <E extends keyof PartEvents>(event: E, payload: PartEvents[E]) => void

const OF_THE_PART: Readonly<Record<keyof PartEvents, true>> = {
  'node.started': true,
  'node.quieted': true,
  'node.drained': true,
  'lease.renewed': true,
  'drain.ordered': true,
}
const OF_ITS_LEASE: ReadonlySet<string> = new Set<keyof NodeEvents>([
  ...(['lease.taken', 'lease.lost', 'lease.lapsed', 'lease.swept', 'connections.reasserted'] as const),
  ...(['store.left', 'store.joined', 'store.misconfigured'] as const),
])

/**
 * The events of one bucket: heard in it, and told on to those who listen to the node, with the bucket's number where
 * they are of its lease. What would be wrong of the whole node goes to `tell`, which makes one of many.
 */
export class BucketEvents extends EventBus {
  readonly #bucket: number
  readonly #whole: EventBus
  readonly #tell: Tell

  constructor(bucket: number, whole: EventBus, tell: Tell) {
    super()
    this.#bucket = bucket
    this.#whole = whole
    this.#tell = tell
  }

  override emit<E extends keyof NodeEvents>(event: E, payload: NodeEvents[E]): void {
    super.emit(event, payload)
    if (event in OF_THE_PART) this.#tell(event as keyof PartEvents, payload as never)
    else this.#whole.emit(event, OF_ITS_LEASE.has(event) ? { ...payload, bucket: this.#bucket } : payload)
  }
}
