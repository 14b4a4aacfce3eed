import { GatewayClient, type GatewayClientOptions } from './gateway-client.js'

/** The gateways that one command plays. */
export class Crowd {
  readonly #make: (connection: number) => GatewayClientOptions
  readonly #clients = new Map<number, GatewayClient>()
  #opened = 0
  #stopped = false
  #whenEmpty: (() => void) | undefined

  constructor(make: (connection: number) => GatewayClientOptions) {
    this.#make = make
  }

  get held(): number {
    return [...this.#clients.values()].filter((client) => client.holding).length
  }

  /** Resolves when the first attempt of the new gateway was decided. */
  async open(): Promise<void> {
    if (this.#stopped) return
    const connection = ++this.#opened
    const client = new GatewayClient(this.#make(connection))
    this.#clients.set(connection, client)
    void client.ended.finally(() => {
      this.#clients.delete(connection)
      if (this.#clients.size === 0) this.#whenEmpty?.()
    })
    await client.decided
  }

  /** One after another, so that the output reads in order; or all in the same instant. */
  async openMany(count: number, atOnce: boolean): Promise<void> {
    const opening: Promise<void>[] = []
    for (let i = 0; i < count && !this.#stopped; i++) {
      opening.push(this.open())
      if (!atOnce) await opening.pop()
    }
    await Promise.all(opening)
  }

  close(connection: number): void {
    this.#clients.get(connection)?.close()
  }

  /** Closes all and opens none any more. */
  stop(): void {
    this.#stopped = true
    for (const client of this.#clients.values()) client.close()
  }

  /** Resolves when no gateway is left. Call it once. */
  empty(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenEmpty = resolve
      if (this.#clients.size === 0) resolve()
    })
  }
}
