import { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'
import { connectGateway } from './gateways.js'
import { type ServerProcess, startServer } from './processes.js'
import { handshake } from './raw-client.js'
import { freshPrefix, startRedis } from './redis.js'
import { until } from './until.js'
import { type Vitals, VitalsProbe } from './vitals.js'

export interface HostileNodeOptions {
  readonly pongTimeout?: string
  readonly env?: Readonly<Record<string, string>>
}

/**
 * A server process on a Redis of its own whose decisions a test can hold up, and whose sockets and slots it can count.
 * Calls to the store wait for four seconds, so that a decision can be pending for long.
 */
export class HostileNode {
  readonly server: ServerProcess
  readonly vitals: VitalsProbe
  readonly #redis: Redis

  constructor(server: ServerProcess, vitals: VitalsProbe, redis: Redis) {
    this.server = server
    this.vitals = vitals
    this.#redis = redis
  }

  /** Redis takes no script from now on, so no decision is made, for at most two minutes. */
  async holdDecisions(): Promise<void> {
    await this.#redis.client('PAUSE', 120_000, 'WRITE')
  }

  async resume(): Promise<void> {
    await this.#redis.client('UNPAUSE')
  }

  /** Connections that the node has admitted or is asking for. */
  async connections(): Promise<number> {
    const response = await fetch(`${this.server.adminUrl}/readyz`, { signal: AbortSignal.timeout(2_000) })
    return ((await response.json()) as { connections: number }).connections
  }

  /** Members of all sets and indexes in Redis, read from the keys themselves. */
  async slots(): Promise<number> {
    let slots = 0
    for (const key of await this.#redis.keys('*:org:*')) slots += await this.#redis.zcard(key)
    for (const key of await this.#redis.keys('*:conns:*')) slots += await this.#redis.hlen(key)
    return slots
  }

  /** Waits until exactly `expected` connections are left, in every book: sockets, the node's list, sets, index. */
  async settled(expected = 0, withinMs = 10_000): Promise<void> {
    await until(
      async () => {
        if (!this.server.running()) return true
        const { sockets } = await this.vitals.now()
        const left = { sockets, connections: await this.connections(), slots: await this.slots() }
        const right = sockets === expected && left.connections === expected && left.slots === 2 * expected
        if (!right) throw new Error(JSON.stringify(left))
        return true
      },
      { withinMs, what: `${expected} connections are left, and no slot and no socket besides` },
    )
    if (!this.server.running()) throw new Error(`the server has ended:\n${this.server.output()}`)
  }

  /** Throws unless the process is sound: no warning, nothing logged as an error, and it still lets somebody in. */
  async healthy(): Promise<Vitals> {
    const good = await connectGateway(this.server.url, { key: KEY })
    if (!good.accepted) throw new Error(`a good client was refused: ${JSON.stringify(good.body)}`)
    await good.close()
    const vitals = await this.vitals.now()
    if (vitals.warnings.length > 0) throw new Error(`the process warned: ${vitals.warnings.join('\n')}`)
    const errors = this.server
      .output()
      .split('\n')
      .filter((line) => /"level":"?(error|fatal|50|60)/.test(line))
    if (errors.length > 0) throw new Error(`the process logged errors:\n${errors.join('\n')}`)
    return vitals
  }
}

const KEY = 'demo-key-acme'

/** A handshake that the node accepts, unless `overrides` say otherwise. */
export function hello(overrides: Record<string, string | undefined> = {}): string {
  return handshake({ 'api-key': KEY, ...overrides })
}

/** Starts one, which is gone when the test is. */
export async function startHostileNode(options: HostileNodeOptions = {}): Promise<HostileNode> {
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  const vitals = new VitalsProbe()
  const server = await startServer({
    env: {
      REDIS_URL: redis.url,
      WS_MAX_CONNECTIONS_PER_ORG: '1000000',
      WS_MAX_CONNECTIONS: '1000000',
      WS_CONNECTION_TIMEOUT: options.pongTimeout ?? '1500ms',
      HEADCOUNT_LEASE_TTL: '8s',
      HEADCOUNT_RENEW_INTERVAL: '300ms',
      HEADCOUNT_STORE_TIMEOUT: '4s',
      HEADCOUNT_KEY_PREFIX: freshPrefix(),
      HEADCOUNT_LOG_LEVEL: 'warn',
      ...vitals.env,
      ...options.env,
    },
  })
  onTestFinished(() => server.stop())
  const client = new Redis(redis.url)
  onTestFinished(() => client.disconnect())
  return new HostileNode(server, vitals, client)
}

/** How long a good client waits for its admission, in milliseconds. */
export async function admissionMs(node: HostileNode): Promise<number> {
  const startMs = performance.now()
  const good = await connectGateway(node.server.url, { key: 'demo-key-globex' })
  if (!good.accepted) throw new Error(`a good client was refused: ${JSON.stringify(good.body)}`)
  const tookMs = performance.now() - startMs
  await good.close()
  return tookMs
}
