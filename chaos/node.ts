import { GATEWAY_PATH } from '../test/support/gateways.js'
import { type ServerProcess, startServer } from '../test/support/processes.js'
import { startProxy, type TcpProxy } from '../test/support/tcp-proxy.js'
import type { Log } from './log.js'
import type { RedisSide } from './redis-side.js'

export interface NodeParts {
  readonly number: number
  readonly log: Log
  readonly env: Readonly<Record<string, string>>
  readonly redis: RedisSide
  readonly port: number
  readonly script: string
}

const READY_WITHIN_MS = 60_000

/**
 * One node of the cluster between two networks that can be broken: the door, through which its clients come, and the
 * link, through which it reaches a single Redis. It keeps its address through all its lives.
 */
export class ChaosNode {
  readonly number: number
  readonly door: TcpProxy
  readonly #link: TcpProxy | undefined
  readonly #parts: NodeParts
  #server: ServerProcess | undefined
  /** The exits that faults bring about; any other is the node's own. */
  #expected = 0

  private constructor(parts: NodeParts, door: TcpProxy, link: TcpProxy | undefined) {
    this.#parts = parts
    this.number = parts.number
    this.door = door
    this.#link = link
  }

  static async create(parts: NodeParts): Promise<ChaosNode> {
    const { single } = parts.redis
    return new ChaosNode(parts, await startProxy(parts.port), single && (await startProxy(single.server.port)))
  }

  /** Only where it leads to a single Redis: nodes that ask sentinels go where these say. */
  get link(): TcpProxy {
    if (!this.#link) throw new Error(`node ${this.number} finds its Redis by itself`)
    return this.#link
  }

  /** Where clients connect to. */
  get url(): string {
    return `ws://127.0.0.1:${this.door.port}${GATEWAY_PATH}`
  }

  get server(): ServerProcess {
    if (!this.#server) throw new Error(`node ${this.number} was not started yet`)
    return this.#server
  }

  /** Starts the process and resolves when it admits. */
  async start(): Promise<void> {
    const { env, port, script, log, number, redis } = this.#parts
    const server = await startServer({
      script,
      readyWithinMs: READY_WITHIN_MS,
      env: { ...env, PORT: String(port), REDIS_URL: this.#link?.url ?? redis.url },
    })
    this.#server = server
    void server.exited.then(({ code, signal }) => {
      if (this.#expected > 0) this.#expected--
      else log.write({ is: 'exited', node: number, code, signal })
    })
  }

  /** Ends the process as a power cut would, and resolves when it is gone. */
  async kill(): Promise<void> {
    this.#expected++
    await this.server.stop()
  }

  /** Tells the process to stop, and resolves when it has. Its exit is written down: only 0 is an orderly one. */
  async drain(): Promise<void> {
    this.server.kill('SIGTERM')
    await this.server.exited
  }

  async destroy(): Promise<void> {
    this.#expected++
    await this.#server?.stop()
    await this.door.stop()
    await this.#link?.stop()
  }
}
