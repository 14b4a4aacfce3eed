import { type Accepted, connectGateway, type GatewayResult } from './gateways.js'
import { OpenConnections } from './open-connections.js'

export interface HerdOptions {
  /** Where a load balancer would send the next client: asked before each attempt. */
  readonly urls: () => readonly string[]
  /** How long a refused client waits, given what it was told; as long as it was told where absent. */
  readonly patienceMs?: (retryAfterMs: number) => number
  /** Books that are kept together with another herd's; its own where absent. */
  readonly clients?: OpenConnections
}

/** A client's way back after its connection was closed on it. */
export interface Return {
  /** The node that it had been on. */
  readonly from: string
  readonly closedAtMs: number
  readonly backAtMs: number
  readonly attempts: number
}

/** Who got no answer at all begins to back off: a second or so. */
const UNANSWERED_MS = 1_000
const GIVE_UP_MS = 30_000

/**
 * Gateways that each want one connection for good: who is refused waits and asks again, who is closed comes back at
 * once. Counts from the clients' side: see OpenConnections.
 */
export class Herd {
  readonly clients: OpenConnections
  readonly returns: Return[] = []
  /** How often clients were answered so: `101`, or a status and its code. */
  readonly answers = new Map<string, number>()
  readonly #options: HerdOptions
  readonly #members: Promise<void>[] = []
  readonly #leaving = new WeakSet<Accepted>()
  readonly #wake = new Set<() => void>()
  readonly #mine = new Set<Accepted>()
  #turn = 0
  #stopped = false

  constructor(options: HerdOptions) {
    this.#options = options
    this.clients = options.clients ?? new OpenConnections()
  }

  /** How many hold a connection now. */
  get connected(): number {
    return this.#mine.size
  }

  get size(): number {
    return this.#members.length
  }

  /** Adds a client of an org. Its first attempt goes to `url` where that is given. */
  join(org: string, key: string, url?: string): void {
    this.#members.push(this.#live(org, key, url))
  }

  /** One client of each of these orgs closes its connection and wants no other. */
  leave(orgs: readonly string[]): void {
    for (const org of orgs) {
      const [oldest] = this.clients.of(org)
      if (!oldest) throw new Error(`no client of ${org} is connected`)
      this.#leaving.add(oldest)
      void this.clients.close(oldest)
    }
  }

  /** Nobody asks again; resolves when every connection is closed. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const wake of [...this.#wake]) wake()
    await Promise.all([...this.#mine].map((connection) => this.clients.close(connection)))
    await Promise.all(this.#members)
  }

  async #live(org: string, key: string, first?: string): Promise<void> {
    let [url, attempts, closedAtMs, from] = [first, 0, 0, '']
    while (!this.#stopped) {
      const asked = url ?? this.#next()
      url = undefined
      attempts++
      const result = await connectGateway(asked, { key, withinMs: GIVE_UP_MS }).catch((error: Error) => error)
      this.#count(result)
      if (result instanceof Error) {
        await this.#pause(UNANSWERED_MS * (0.5 + Math.random()))
      } else if (result.accepted && this.#stopped) {
        result.terminate()
      } else if (result.accepted) {
        if (closedAtMs > 0) this.returns.push({ from, closedAtMs, backAtMs: Date.now(), attempts })
        await this.#stay(org, result)
        if (this.#leaving.has(result)) return
        ;[attempts, closedAtMs, from] = [0, Date.now(), asked]
      } else {
        const toldMs = Number(result.headers['retry-after'] ?? 1) * 1_000
        await this.#pause(this.#options.patienceMs?.(toldMs) ?? toldMs)
      }
    }
  }

  async #stay(org: string, connection: Accepted): Promise<void> {
    this.clients.add(org, connection)
    this.#mine.add(connection)
    await connection.closed
    this.#mine.delete(connection)
  }

  #next(): string {
    const urls = this.#options.urls()
    return urls[this.#turn++ % urls.length]!
  }

  #count(result: GatewayResult | Error): void {
    const answer =
      result instanceof Error
        ? `no answer: ${result.message.replace(/\d{5}/, '…')}`
        : result.accepted
          ? '101'
          : `${result.status} ${result.body.code}`
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1)
  }

  /** How long a client waits is its behaviour, and nobody waits for anything by it. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        this.#wake.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, ms)
      this.#wake.add(wake)
    })
  }
}
