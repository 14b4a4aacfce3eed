import { connectGateway } from './gateways.js'
import { OpenConnections } from './open-connections.js'
import { handshake, RawClient } from './raw-client.js'

export interface ChurnOptions {
  readonly urls: readonly string[]
  /** Org → its key. */
  readonly keys: ReadonlyMap<string, string>
  /** How many clients connect and close at the same time. */
  readonly workers: number
}

/** A storm of connects and closes that goes on until it is stopped. */
export class Churn {
  readonly clients = new OpenConnections()
  /** How often clients were answered so: `101`, or a status and its code. */
  readonly answers = new Map<string, number>()
  readonly #options: ChurnOptions
  readonly #workers: Promise<void>[]
  #stopped = false

  constructor(options: ChurnOptions) {
    this.#options = options
    this.#workers = Array.from({ length: options.workers }, () => this.#work())
  }

  get answered(): number {
    return [...this.answers.values()].reduce((sum, n) => sum + n, 0)
  }

  /** Resolves when every client has had its answer and is gone again. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#workers)
    await this.clients.closeAll()
  }

  async #work(): Promise<void> {
    while (!this.#stopped) {
      const url = pick(this.#options.urls)
      const [org, key] = pick([...this.#options.keys])
      if (Math.random() < 0.15) await vanish(url, key)
      else await this.#visit(url, org, key)
    }
  }

  async #visit(url: string, org: string, key: string): Promise<void> {
    const result = await connectGateway(url, { key }).catch((error: Error) => error)
    if (result instanceof Error) return this.#count(`no answer: ${result.message}`)
    if (!result.accepted) return this.#count(`${result.status} ${result.body.code}`)
    this.#count('101')
    this.clients.add(org, result)
    await pause(Math.random() * 40)
    await this.clients.close(result, Math.random() < 0.5 ? 'close' : 'cut')
  }

  #count(answer: string): void {
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1)
  }
}

/** A client that asks, and is gone at some moment before or after its answer. */
async function vanish(url: string, key: string): Promise<void> {
  const client = new RawClient(Number(new URL(url).port))
  client.send(handshake({ 'api-key': key }))
  await pause(Math.random() * 12)
  client.reset()
  await client.closed
}

function pick<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)]!
}

/** How long a client stays is part of the load, and nobody waits for anything by it. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
