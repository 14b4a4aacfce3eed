import type { Redis } from 'ioredis'
import { type Answers, type Asked, Inquiry, newestOf } from './ask-all.js'
import type { Primary, PrimaryFinder } from './primary.js'
import type { ServerAddress } from './url.js'

/** A range of slots, and who serves it. */
interface Served extends Primary {
  readonly from: number
  readonly to: number
  readonly id: string
}

/** What one server says, and who that is, where it tells. */
interface View {
  readonly by: string | undefined
  readonly served: readonly Served[]
}

/** More would not make the answer surer. */
const MOST_ASKED = 16
/** In place of a host: a server that is to tell names tells so that it knows none. */
const NO_NAME = '?'

/**
 * Has the servers of a Redis Cluster say who serves a slot. No redirect is followed: a connection that meets one ends,
 * and the next begins by asking here. Asked are the servers of the URL and those that were named last, so that a
 * cluster may be renewed server by server while nodes live.
 */
export class RedisClusterMap {
  readonly #asked: Asked
  #named: readonly ServerAddress[] = []
  #asking: Inquiry<View> | undefined

  constructor(asked: Asked) {
    this.#asked = asked
  }

  finderOf(slot: number): PrimaryFinder {
    return {
      namedAnother: 'the cluster names another primary for this bucket',
      find: async (withinMs, over) => {
        const { given, refused } = await this.#ask(withinMs, over)
        const named = given.flatMap(({ served }) => whoServes(slot, served)).filter(hasName)
        const newest = newestOf(named.filter((one) => !deniesIt(one, slot, given)))
        if (newest) return newest
        const [denied] = named
        if (denied) throw new Error(`nobody serves slot ${slot}: ${denied.host}:${denied.port} is named and denies it`)
        throw new Error(
          refused === '' ? `nobody serves slot ${slot}` : `nobody names who serves slot ${slot}: ${refused}`,
        )
      },
    }
  }

  /**
   * All who want to know at the same moment, as the buckets of a node do, share one inquiry, and each has what came
   * within its own time. Nobody joins any more once the time of whoever began it is over: its answers grow old.
   */
  async #ask(withinMs: number, over: AbortSignal): Promise<Answers<View>> {
    const joined = this.#asking?.isOver ? undefined : this.#asking
    const inquiry = joined ?? new Inquiry({ ...this.#asked, servers: this.#servers() }, viewOf, withinMs)
    this.#asking = inquiry
    const answers = await inquiry.answers({ withinMs, over })
    if (!joined && this.#asking === inquiry) this.#asking = undefined
    const newest = newestOf(answers.given.map(({ served }) => ({ served, configEpoch: highest(served) })))
    if (newest) this.#named = newest.served.filter(hasName)
    return answers
  }

  #servers(): ServerAddress[] {
    const all = [...this.#asked.servers, ...this.#named].map(({ host, port }) => ({ host, port }))
    return [...new Map(all.map((at) => [`${at.host}:${at.port}`, at])).values()].slice(0, MOST_ASKED)
  }
}

const highest = (served: readonly Served[]) => Math.max(-1, ...served.map(({ configEpoch }) => configEpoch))

const hasName = ({ host }: Served) => host !== NO_NAME

const whoServes = (slot: number, served: readonly Served[]) =>
  served.filter(({ from, to }) => from <= slot && slot <= to)

/**
 * Whether the one that is named says itself that it does not serve the slot. While slots move, a server may hold on to a
 * former primary that has a higher config epoch by now than the one that serves the slot.
 */
function deniesIt({ id }: Served, slot: number, views: readonly View[]): boolean {
  return views.some(({ by, served }) => by === id && !whoServes(slot, served).some((one) => one.id === id))
}

/** Where clients are to go is what CLUSTER SLOTS says; how new that is, and who says it, stands only in CLUSTER NODES. */
async function viewOf(redis: Redis, at: ServerAddress): Promise<View> {
  const [ranges, nodes] = await Promise.all([
    redis.call('CLUSTER', 'SLOTS'),
    // A server that does not tell is believed last.
    redis.call('CLUSTER', 'NODES').catch(() => ''),
  ])
  if (!Array.isArray(ranges)) throw new Error('it does not say who serves which slot')
  const members = String(nodes).split('\n').map(memberOf)
  const epochs = new Map(members.map(({ id, epoch }) => [id, epoch]))
  const served = ranges.flatMap((range: unknown) => {
    const [from, to, primary] = Array.isArray(range) ? range : []
    const [host, port, id = ''] = Array.isArray(primary) ? primary.map((part) => String(part ?? '')) : []
    if (!(Number(port) > 0)) return []
    const configEpoch = epochs.get(id) ?? -1
    // Without a host it means the address at which it was asked.
    return [{ from: Number(from), to: Number(to), host: host || at.host, port: Number(port), configEpoch, id }]
  })
  return { by: members.find(({ isSelf }) => isSelf)?.id, served }
}

/** `<id> <address> <flags> <primary> <ping> <pong> <config epoch> <link> <slots>` */
function memberOf(line: string): { id: string; isSelf: boolean; epoch: number } {
  const [id = '', , flags = '', , , , epoch] = line.split(' ')
  return { id, isSelf: flags.split(',').includes('myself'), epoch: Number(epoch ?? -1) }
}
