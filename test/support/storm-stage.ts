import { type Fleet, startFleet } from './fleet.js'
import { Herd } from './herd.js'
import { Probe, type ProbeOptions } from './probe.js'
import { until } from './until.js'
import { type Watch, watch } from './watch.js'

/** The times that a node has by itself, where the fleets of shorter tests have others. */
export const DEFAULT_TIMES = {
  HEADCOUNT_LEASE_TTL: '15s',
  HEADCOUNT_RENEW_INTERVAL: '3s',
  HEADCOUNT_STORE_TIMEOUT: '250ms',
  WS_MAX_CONNECTIONS: '20000',
} as const
export const DEFAULT_MS = { ttl: 15_000, renewInterval: 3_000, storeTimeout: 250 } as const

/** The org that is asked for by a probe: it always has room. */
const PROBED = 'probed'
/** So many ask at once when the stage is filled: the listen queue of a node holds 511. */
const FILLING = 100

export interface StageOptions {
  readonly nodes: number
  readonly orgs: number
  readonly limit: number
  readonly env?: Readonly<Record<string, string>>
}

/** Nodes with the default times and many orgs, each full with clients that stay. */
export class StormStage {
  readonly orgs: readonly string[]
  readonly limit: number
  readonly fleet: Fleet
  /** Those who hold the slots at first. */
  readonly holders: Herd
  /** Where a load balancer sends clients. */
  urls: readonly string[]
  /** The highest number of slots of one org that was ever seen in Redis. */
  highestInRedis = 0
  #watch: Watch | undefined
  readonly #probes: Probe[] = []

  private constructor(fleet: Fleet, orgs: readonly string[], limit: number) {
    this.fleet = fleet
    this.orgs = orgs
    this.limit = limit
    this.urls = fleet.urls
    this.holders = new Herd({ urls: () => this.urls })
  }

  static async open({ nodes, orgs: count, limit, env = {} }: StageOptions): Promise<StormStage> {
    const orgs = Array.from({ length: count }, (_, i) => `org-${i}`)
    const fleet = await startFleet({
      count: nodes,
      orgs: [PROBED, ...orgs],
      env: { ...DEFAULT_TIMES, WS_MAX_CONNECTIONS_PER_ORG: String(limit), ...env },
    })
    return new StormStage(fleet, orgs, limit)
  }

  /** Lets in as many clients of each org as it may hold, spread over `urls`. */
  async fill(urls: readonly string[] = this.urls): Promise<void> {
    let joined = 0
    for (const org of this.orgs) {
      for (let i = 0; i < this.limit; i++) {
        this.holders.join(org, this.fleet.keyOf(org), urls[joined++ % urls.length])
        if (joined % FILLING === 0) await this.#allConnected(joined)
      }
    }
    await this.#allConnected(joined)
  }

  /** Asks the nodes at a steady rate for an org that always has room; over when the stage closes. */
  async probe(options: Partial<ProbeOptions> & Pick<ProbeOptions, 'everyMs'>): Promise<Probe> {
    const probe = await Probe.start({ urls: this.fleet.urls, key: this.fleet.keyOf(PROBED), ...options })
    this.#probes.push(probe)
    return probe
  }

  /** Looks into Redis itself again and again from here on. */
  watchRedis(): void {
    this.#watch = watch(async () => {
      const slots = await this.fleet.books.slots()
      for (const [org, ids] of slots) if (org !== PROBED) this.highestInRedis = Math.max(this.highestInRedis, ids.size)
      await new Promise((resolve) => setTimeout(resolve, 100))
    })
  }

  /** Ends the looking; resolves to how many looks there were. */
  async looks(): Promise<number> {
    return (await this.#watch?.stop()) ?? 0
  }

  async close(): Promise<void> {
    await this.#watch?.stop().catch(() => {})
    await Promise.all(this.#probes.map((probe) => probe.stop()))
    await this.holders.stop()
    await this.fleet.stop()
  }

  #allConnected(count: number): Promise<boolean> {
    return until(() => this.holders.connected === count, { withinMs: 30_000, what: `${count} clients are connected` })
  }
}
