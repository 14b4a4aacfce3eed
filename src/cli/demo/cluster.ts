import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CliError } from '../cli-error.js'
import { endpointOf } from '../options/endpoint.js'
import { DEMO_TIERS, type DemoOrg, demoKeyFile } from './orgs.js'
import { DemoProcess, eventually, freePort } from './process.js'
import { type DemoRedis, startDemoRedis } from './redis.js'

const SERVER = fileURLToPath(new URL('../../server/main.js', import.meta.url))
const NODES = 3
/** A fresh Redis lets admissions wait for recovery, and a busy machine takes its time. */
const READY_MS = 30_000
/** Shorter than the defaults, so that what happens can be watched. */
const TIMES = { HEADCOUNT_LEASE_TTL: '6s', HEADCOUNT_RENEW_INTERVAL: '1s', HEADCOUNT_DRAIN_TIME: '3s' }

export interface DemoNode {
  readonly name: string
  readonly url: URL
  readonly adminUrl: string
  process: DemoProcess
}

/**
 * The nodes of the demo, each a process of its own, with the Redis they share. Without any Redis it is one node with
 * the embedded store. `stop` leaves nothing behind.
 */
export class DemoCluster {
  readonly adminToken = randomBytes(12).toString('base64url')
  readonly nodes: DemoNode[] = []
  readonly #redis: DemoRedis | undefined
  readonly #directory: string
  readonly #prefix = `hc-demo-${randomBytes(4).toString('hex')}:`

  private constructor(redis: DemoRedis | undefined, directory: string) {
    this.#redis = redis
    this.#directory = directory
  }

  /** Throws `CliError` if the nodes do not get ready. */
  static async start(orgs: readonly DemoOrg[], redisUrl: string | undefined): Promise<DemoCluster> {
    const directory = await mkdtemp(join(tmpdir(), 'headcount-demo-'))
    await writeFile(join(directory, 'keys.json'), demoKeyFile(orgs))
    const redis = redisUrl === undefined ? await startDemoRedis(directory) : { url: redisUrl, stop: async () => {} }
    const cluster = new DemoCluster(redis, directory)
    const count = cluster.shared ? NODES : 1
    for (let i = 1; i <= count; i++) cluster.nodes.push(await cluster.#node(`node-${i}`))
    const ready = await eventually(READY_MS, async () => (await Promise.all(cluster.nodes.map(isReady))).every(Boolean))
    if (ready) return cluster
    await cluster.stop()
    throw new CliError('the nodes of the demo did not get ready', 'if you gave a Redis, see that it can be reached')
  }

  /** Whether there is a Redis, and so more than one node. */
  get shared(): boolean {
    return this.#redis !== undefined
  }

  get storeUrl(): string | undefined {
    return this.#redis?.url
  }

  get keyPrefix(): string {
    return this.#prefix
  }

  /** As a crash would. */
  kill(node: DemoNode): void {
    node.process.kill('SIGKILL')
  }

  async restart(node: DemoNode): Promise<void> {
    await node.process.ended
    node.process = this.#spawn(node)
  }

  /** Stops all nodes in order, then the Redis that was started for them. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.process.stop()))
    await this.#redis?.stop()
    await rm(this.#directory, { recursive: true, force: true })
  }

  async #node(name: string): Promise<DemoNode> {
    const [port, adminPort] = [await freePort(), await freePort()]
    const url = endpointOf(`ws://127.0.0.1:${port}`)!
    const about = { name, url, adminUrl: `http://127.0.0.1:${adminPort}` }
    return { ...about, process: this.#spawn(about) }
  }

  #spawn({ name, url, adminUrl }: Omit<DemoNode, 'process'>): DemoProcess {
    return new DemoProcess(process.execPath, [SERVER], {
      PATH: process.env.PATH,
      HOST: '127.0.0.1',
      PORT: url.port,
      ADMIN_PORT: new URL(adminUrl).port,
      ...TIMES,
      ...(this.#redis && { REDIS_URL: this.#redis.url }),
      ADMIN_TOKEN: this.adminToken,
      HEADCOUNT_KEYS_FILE: join(this.#directory, 'keys.json'),
      HEADCOUNT_KEY_PREFIX: this.#prefix,
      HEADCOUNT_NODE_NAME: name,
      HEADCOUNT_TIERS: Object.entries(DEMO_TIERS)
        .map((tier) => tier.join('='))
        .join(),
      // All gateways of the demo have one address.
      WS_RATE_LIMIT_PER_MINUTE: 'unlimited',
    })
  }
}

async function isReady({ adminUrl }: DemoNode): Promise<boolean> {
  return (await fetch(`${adminUrl}/readyz`, { signal: AbortSignal.timeout(1_000) })).ok
}
