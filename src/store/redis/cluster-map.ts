import type { Redis } from 'ioredis'
import { type Answers, type Asked, Inquiry, newestOf } from './ask-all.js'
import type { Primary, PrimaryFinder } from './primary.js'
import type { ServerAddress } from './url.js'

/** A range of slots, and who serves it. */
interface Served extends Primary {
  readonly from: number
  readonly to: number
}

/** More would not make the answer surer. */
const MOST_ASKED = 16

/**
 * Has the servers of a Redis Cluster say who serves a slot. No redirect is followed: a connection that meets one ends,
 * and the next begins by asking here. Asked are the servers of the URL and those that were named last, so that a
 * cluster may be renewed server by server while nodes live.
 */
export class RedisClusterMap {
  readonly #asked: Asked
  #named: readonly ServerAddress[] = []
  #asking: Inquiry<readonly Served[]> | undefined

  constructor(asked: Asked) {
    this.#asked = asked
  }

  finderOf(slot: number): PrimaryFinder {
    return {
      namedAnother: 'the cluster names another primary for this bucket',
      find: async (withinMs, over) => {
        const { given, refused } = await this.#ask(withinMs, over)
        const newest = newestOf(given.flat().filter(({ from, to }) => from <= slot && slot <= to))
        if (newest) return newest
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
  async #ask(withinMs: number, over: AbortSignal): Promise<Answers<readonly Served[]>> {
    const joined = this.#asking?.isOver ? undefined : this.#asking
    const inquiry = joined ?? new Inquiry({ ...this.#asked, servers: this.#servers() }, servedBy, withinMs)
    this.#asking = inquiry
    const answers = await inquiry.answers({ withinMs, over })
    if (!joined && this.#asking === inquiry) this.#asking = undefined
    const newest = newestOf(answers.given.map((served) => ({ served, configEpoch: highest(served) })))
    if (newest) this.#named = newest.served
    return answers
  }

  #servers(): ServerAddress[] {
    const all = [...this.#asked.servers, ...this.#named].map(({ host, port }) => ({ host, port }))
    return [...new Map(all.map((at) => [`${at.host}:${at.port}`, at])).values()].slice(0, MOST_ASKED)
  }
}

const highest = (served: readonly Served[]) => Math.max(-1, ...served.map(({ configEpoch }) => configEpoch))

/** Where clients are to go is what CLUSTER SLOTS says; how new that is stands only in CLUSTER NODES. */
async function servedBy(redis: Redis, at: ServerAddress): Promise<Served[]> {
  const [ranges, nodes] = await Promise.all([
    redis.call('CLUSTER', 'SLOTS'),
    // A server that does not tell is believed last.
    redis.call('CLUSTER', 'NODES').catch(() => ''),
  ])
  if (!Array.isArray(ranges)) throw new Error('it does not say who serves which slot')
  const epochs = new Map(String(nodes).split('\n').map(epochOf))
  return ranges.flatMap((range: unknown) => {
    const [from, to, primary] = Array.isArray(range) ? range : []
    const [host, port, id] = Array.isArray(primary) ? primary : []
    // Without a name it means the address at which it was asked; one it does not know itself is told as "?".
    const name = host === null || host === '' ? at.host : String(host)
    if (name === '?' || !(Number(port) > 0)) return []
    return [
      { from: Number(from), to: Number(to), host: name, port: Number(port), configEpoch: epochs.get(String(id)) ?? -1 },
    ]
  })
}

/** `<id> <address> <flags> <primary> <ping> <pong> <config epoch> <link> <slots>` */
function epochOf(line: string): [id: string, epoch: number] {
  const [id = '', , , , , , epoch] = line.split(' ')
  return [id, Number(epoch ?? -1)]
}
