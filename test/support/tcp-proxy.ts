import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { resetSocket } from '../../src/net/reset-socket.js'
import { ProxyLink } from './tcp-proxy-link.js'
import { until } from './until.js'

/**
 * A network between a client and a server (a node and its Redis) that a test can cut, hold back and heal. Methods take
 * effect at once; what they undo they undo for the connections open then and for those to come.
 */
export class TcpProxy {
  readonly port: number
  readonly url: string
  readonly #server: Server
  #target: { readonly host: string; readonly port: number }
  readonly #links = new Set<ProxyLink>()
  /** Links whose client is gone while bytes it had sent were held back: the network may deliver them yet. */
  readonly #orphans = new Set<ProxyLink>()
  #holding = false
  #holdingReplies = false
  #refusing = false
  #delayMs = 0

  constructor(server: Server, target: { host: string; port: number }) {
    this.#server = server
    this.#target = target
    this.port = (server.address() as AddressInfo).port
    this.url = `redis://127.0.0.1:${this.port}`
    server.on('connection', (client) => this.#connect(client))
  }

  /** How many connections are open through the proxy. */
  get connections(): number {
    return this.#links.size
  }

  /** Bytes that clients have sent and the server has not got. */
  get heldBytes(): number {
    return [...this.#links, ...this.#orphans].reduce((sum, link) => sum + link.requests.heldBytes, 0)
  }

  /** Bytes that the server has sent and clients have not got. */
  get heldReplyBytes(): number {
    return [...this.#links].reduce((sum, link) => sum + link.replies.heldBytes, 0)
  }

  /** Whoever connects from now on gets to another server; what is open stays where it is. */
  leadTo(port: number): void {
    this.#target = { ...this.#target, port }
  }

  /** Resets every connection on both sides; what was held back is lost. */
  cutAll(): void {
    for (const link of [...this.#links, ...this.#orphans]) link.reset()
  }

  /**
   * Keeps what clients send from now on. A client that goes away meanwhile leaves its bytes behind, for `deliverHeld`.
   */
  hold(): void {
    this.#holding = true
    for (const link of this.#links) link.requests.hold()
  }

  /** Forwards what was kept, for connections that still have both ends, and what follows. */
  release(): void {
    this.#holding = false
    for (const link of this.#links) link.requests.release()
  }

  /** Keeps what the server sends from now on: it does the work, and the answer is late. */
  holdReplies(): void {
    this.#holdingReplies = true
    for (const link of this.#links) link.replies.hold()
  }

  releaseReplies(): void {
    this.#holdingReplies = false
    for (const link of this.#links) link.replies.release()
  }

  /** Lets everything take `ms` longer, each way; 0 for a good network. */
  delay(ms: number): void {
    this.#delayMs = ms
    for (const { requests, replies } of this.#links) {
      requests.delay(ms)
      replies.delay(ms)
    }
  }

  /**
   * Resets the client side of every connection and keeps its server side, with the bytes held back so far. Ends `hold`,
   * so that a client that connects again is served at once, ahead of its own past.
   */
  dropClientSideAndKeepBytes(): void {
    for (const link of this.#links) link.dropClient()
    this.release()
  }

  /**
   * Sends the server what clients that are gone had sent. Resolves to the number of bytes when the server has read them
   * all, which it shows by closing its side.
   */
  async deliverHeld(): Promise<number> {
    const orphans = [...this.#orphans]
    const bytes = orphans.reduce((sum, link) => sum + link.requests.heldBytes, 0)
    for (const link of orphans) link.deliver()
    await until(() => orphans.every((link) => !this.#orphans.has(link)), { what: 'the server has read the late bytes' })
    return bytes
  }

  /** Resets whoever connects. Open connections stay. */
  refuse(): void {
    this.#refusing = true
  }

  accept(): void {
    this.#refusing = false
  }

  async stop(): Promise<void> {
    this.cutAll()
    if (!this.#server.listening) return
    this.#server.close()
    await once(this.#server, 'close')
  }

  #connect(client: Socket): void {
    if (this.#refusing) {
      client.on('error', () => {})
      resetSocket(client)
      return
    }
    const link = new ProxyLink(client, connect({ ...this.#target, allowHalfOpen: true }), {
      gone: () => {
        this.#links.delete(link)
        this.#orphans.delete(link)
      },
      orphaned: () => {
        this.#links.delete(link)
        this.#orphans.add(link)
      },
    })
    this.#links.add(link)
    link.requests.delay(this.#delayMs)
    link.replies.delay(this.#delayMs)
    if (this.#holding) link.requests.hold()
    if (this.#holdingReplies) link.replies.hold()
  }
}

/** Starts a proxy on a port of its own in front of a server; the caller stops it. */
export async function startProxy(targetPort: number, targetHost = '127.0.0.1'): Promise<TcpProxy> {
  // Each half of a connection is ended by the proxy itself, because the other side's bytes may still be held back.
  const server = createServer({ allowHalfOpen: true, noDelay: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return new TcpProxy(server, { host: targetHost, port: targetPort })
}
