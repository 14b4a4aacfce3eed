import { handshake, RawClient } from './raw-client.js'

export interface PassersByOptions {
  readonly urls: readonly string[]
  readonly key: string
  /** Attempts a second, whatever becomes of those before. */
  readonly perSecond: number
  /** How long the next one that is let in stays, unless it is closed before. */
  readonly stayMs: () => number
}

const TICK_MS = 10

/**
 * Clients that arrive at a rate of their own, as those of the world do: a server that is slow gets no fewer of them. They
 * are bare sockets, because thousands of WebSocket clients would take the processor from the nodes they are to press.
 */
export class PassersBy {
  /** How often clients were answered so: `101`, or a status and its code. */
  readonly answers = new Map<string, number>()
  /** Connection id → the code with which it was closed on its client. */
  readonly closedWith = new Map<string, number>()
  /** Those whose clients had left before. */
  readonly left = new Set<string>()
  offered = 0
  readonly #options: PassersByOptions
  readonly #startedAtMs = performance.now()
  readonly #ticker: NodeJS.Timeout
  readonly #open = new Map<RawClient, () => void>()
  #stopped: Promise<number> | undefined

  constructor(options: PassersByOptions) {
    this.#options = options
    this.#ticker = setInterval(() => this.#arrive(), TICK_MS)
  }

  /** Nobody comes any more, and everybody leaves; resolves when all are gone to how many came a second. */
  stop(): Promise<number> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<number> {
    clearInterval(this.#ticker)
    const seconds = (performance.now() - this.#startedAtMs) / 1_000
    this.#arrive()
    const gone = [...this.#open.keys()].map(({ closed }) => closed)
    for (const leave of this.#open.values()) leave()
    await Promise.all(gone)
    return this.offered / seconds
  }

  #arrive(): void {
    const due = ((performance.now() - this.#startedAtMs) / 1_000) * this.#options.perSecond
    for (; this.offered < due; this.offered++) this.#pass(this.#options.urls[this.offered % this.#options.urls.length]!)
  }

  #pass(url: string): void {
    const client = new RawClient(Number(new URL(url).port)).send(handshake({ 'api-key': this.#options.key }))
    let [told, leaving] = [false, false]
    let id: string | undefined
    let stay: NodeJS.Timeout | undefined
    const leave = () => {
      clearTimeout(stay)
      if (id !== undefined) this.left.add(id)
      // Nobody leaves before the answer: what is asked is answered, or the server is at fault.
      if (told) client.fin()
      else leaving = true
    }
    this.#open.set(client, leave)
    client.socket.on('data', () => {
      const { received } = client
      if (!told && client.status !== 101 && received.includes('}')) told = this.#count(refusalOf(received))
      if (id !== undefined) return this.#closed(client, id)
      id = /"connectionId":"([^"]+)"/.exec(received)?.[1]
      if (id === undefined || told) return
      told = this.#count('101')
      // Told to leave at once, the client reads the answer, the ack and the close frame in one piece.
      this.#closed(client, id)
      if (leaving) leave()
      else stay = setTimeout(leave, this.#options.stayMs())
    })
    client.socket.once('end', () => client.fin())
    void client.closed.then(() => {
      clearTimeout(stay)
      this.#open.delete(client)
      if (!told) this.#count(`no answer: ${client.received.slice(0, 40)}`)
    })
  }

  #count(answer: string): true {
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1)
    return true
  }

  /** A close frame is 0x88, a length, and two bytes of code; before it there is one frame of text, in ASCII. */
  #closed(client: RawClient, id: string): void {
    const { received } = client
    const at = received.indexOf('\u0088', received.indexOf('"connectionId"'))
    if (at < 0 || received.length < at + 4 || this.closedWith.has(id)) return
    this.closedWith.set(id, 256 * received.charCodeAt(at + 2) + received.charCodeAt(at + 3))
    client.fin()
  }
}

function refusalOf(received: string): string {
  return `${received.split(' ', 2)[1]} ${/"code":"(\w+)"/.exec(received)?.[1]}`
}
