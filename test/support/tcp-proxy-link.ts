import type { Socket } from 'node:net'
import { resetSocket } from '../../src/net/reset-socket.js'

/** One direction of a connection: forwards bytes, at once or late, or keeps them until told to forward again. */
export class Lane {
  readonly #to: Socket
  readonly #held: Buffer[] = []
  /** What is under way, in the order in which it was sent: bytes never overtake bytes. */
  readonly #underway: (() => void)[] = []
  #delayMs = 0
  #holding = false
  #ended = false

  constructor(from: Socket, to: Socket) {
    this.#to = to
    from.on('data', (bytes) =>
      this.#afterDelay(() => {
        if (this.#holding) this.#held.push(bytes)
        else to.write(bytes)
      }),
    )
    from.on('end', () =>
      this.#afterDelay(() => {
        this.#ended = true
        if (!this.#holding) to.end()
      }),
    )
  }

  delay(ms: number): void {
    this.#delayMs = ms
  }

  get heldBytes(): number {
    return this.#held.reduce((sum, bytes) => sum + bytes.length, 0)
  }

  hold(): void {
    this.#holding = true
  }

  release(): void {
    this.#holding = false
    for (const bytes of this.#held.splice(0)) this.#to.write(bytes)
    if (this.#ended) this.#to.end()
  }

  #afterDelay(arrive: () => void): void {
    if (this.#delayMs === 0 && this.#underway.length === 0) {
      arrive()
      return
    }
    this.#underway.push(arrive)
    setTimeout(() => this.#underway.shift()?.(), this.#delayMs).unref()
  }
}

/** One connection through the proxy, as two sockets and two lanes. */
export class ProxyLink {
  readonly requests: Lane
  readonly replies: Lane
  readonly #client: Socket
  readonly #server: Socket
  readonly #on: { readonly gone: () => void; readonly orphaned: () => void }
  #orphan = false

  constructor(client: Socket, server: Socket, on: { gone: () => void; orphaned: () => void }) {
    this.#client = client
    this.#server = server
    this.#on = on
    this.requests = new Lane(client, server)
    this.replies = new Lane(server, client)
    // Errors show as `close`, which is all that a proxy needs to know.
    client.on('error', () => {})
    server.on('error', () => {})
    client.on('close', () => this.#clientClosed())
    server.on('close', () => this.#serverClosed())
  }

  reset(): void {
    this.#orphan = false
    resetSocket(this.#client)
    resetSocket(this.#server)
    this.#on.gone()
  }

  dropClient(): void {
    this.#becomeOrphan()
    resetSocket(this.#client)
  }

  /** Sends the server what an orphan holds, and ends the connection in good order. */
  deliver(): void {
    this.requests.release()
    this.#server.end()
  }

  #becomeOrphan(): void {
    if (this.#orphan) return
    this.#orphan = true
    this.#on.orphaned()
  }

  #clientClosed(): void {
    if (this.#orphan || this.#server.destroyed) return
    if (this.requests.heldBytes > 0) this.#becomeOrphan()
    else this.reset()
  }

  #serverClosed(): void {
    if (!this.#client.destroyed) resetSocket(this.#client)
    this.#on.gone()
  }
}
