import { setTimeout as wait } from 'node:timers/promises'
import { GatewayClient } from '../connect/gateway-client.js'
import type { ClientEvent } from '../connect/report.js'
import type { DemoOrg } from './orgs.js'

/** What the gateways of the demo saw since it began. */
export interface DemoTally {
  accepted: number
  /** Refusals by code; attempts that ended without an answer stand under `no answer`. */
  readonly refused: Map<string, number>
  /** Closings by code. */
  readonly closed: Map<number, number>
}

/** How long a gateway stays, and how long it is away, at the median. */
const STAYS_MS = 30_000
const AWAY_MS = 3_000
const HAMMERS_EVERY_MS = 200

/**
 * The gateways of the demo: most obey (they wait as long as they are told, and come and go), those of one org do not.
 * Each takes any node, as a load balancer would.
 */
export class DemoTraffic {
  readonly tally: DemoTally = { accepted: 0, refused: new Map(), closed: new Map() }
  readonly #anyNode: () => URL
  readonly #over = new AbortController()
  readonly #clients = new Set<GatewayClient>()
  readonly #lives: Promise<void>[]

  constructor(orgs: readonly DemoOrg[], anyNode: () => URL) {
    this.#anyNode = anyNode
    this.#lives = orgs.flatMap((org) => Array.from({ length: org.gateways }, () => this.#live(org)))
  }

  /** Connections that are open. */
  get held(): number {
    return [...this.#clients].filter((client) => client.holding).length
  }

  get gateways(): number {
    return this.#lives.length
  }

  async stop(): Promise<void> {
    this.#over.abort()
    for (const client of this.#clients) client.close()
    await Promise.all(this.#lives)
  }

  async #live(org: DemoOrg): Promise<void> {
    await this.#pause(AWAY_MS)
    while (!this.#over.signal.aborted) {
      const client = this.#connect(org)
      if (!org.hammers) {
        await Promise.race([client.ended, this.#pause(STAYS_MS)])
        client.close()
      }
      await client.ended
      this.#clients.delete(client)
      await this.#pause(org.hammers ? HAMMERS_EVERY_MS : AWAY_MS)
    }
  }

  #connect(org: DemoOrg): GatewayClient {
    const anyNode = this.#anyNode
    const client = new GatewayClient({
      connection: 0,
      // Asked anew for each attempt.
      target: {
        get url() {
          return anyNode()
        },
        key: org.key,
      },
      // One that is refused asks again by itself, as patiently as it was told.
      reconnect: !org.hammers,
      report: (event) => this.#count(event),
    })
    this.#clients.add(client)
    return client
  }

  #count(event: ClientEvent): void {
    const { refused, closed } = this.tally
    if (event.event === 'accepted') this.tally.accepted++
    else if (event.event === 'refused') increment(refused, event.code ?? String(event.status))
    else if (event.event === 'failed') increment(refused, 'no answer')
    else if (event.event === 'closed') increment(closed, event.code)
  }

  /** Between half of it and one and a half; at once when the demo ends. */
  #pause(medianMs: number): Promise<void> {
    const ms = medianMs * (0.5 + Math.random())
    return wait(ms, undefined, { signal: this.#over.signal }).catch(() => {})
  }
}

function increment<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
