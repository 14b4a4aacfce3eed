import { expect } from 'vitest'
import type { Books } from './books.js'
import type { Accepted } from './gateways.js'
import { until } from './until.js'

export interface ServerClose {
  readonly org: string
  readonly connectionId: string
  readonly code: number
}

/**
 * The clients' side of the books. A connection counts from its acknowledgement until the client begins to close it or
 * sees it closed: at every moment at most what is really open, so a count above the limit is a broken promise.
 */
export class OpenConnections {
  readonly #orgOf = new Map<Accepted, string>()
  readonly #open = new Map<string, Set<Accepted>>()
  readonly #highest = new Map<string, number>()
  readonly #closedByServer: ServerClose[] = []

  add(org: string, connection: Accepted): void {
    const open = this.#open.get(org) ?? new Set()
    this.#open.set(org, open.add(connection))
    this.#orgOf.set(connection, org)
    this.#highest.set(org, Math.max(open.size, this.highest(org)))
    void connection.closed.then(({ code }) => {
      if (!this.#forget(connection)) return
      this.#closedByServer.push({ org, connectionId: connection.ack.connectionId, code })
    })
  }

  /** The oldest first. */
  of(org: string): Accepted[] {
    return [...(this.#open.get(org) ?? [])]
  }

  count(org: string): number {
    return this.#open.get(org)?.size ?? 0
  }

  ids(org: string): string[] {
    return this.of(org)
      .map((connection) => connection.ack.connectionId)
      .sort()
  }

  get orgs(): string[] {
    return [...this.#open.keys()]
  }

  /** How many of an org were open at once at most. */
  highest(org: string): number {
    return this.#highest.get(org) ?? 0
  }

  /** Connections that closed although their client did not want it. */
  get closedByServer(): readonly ServerClose[] {
    return this.#closedByServer
  }

  /** Ends a connection in good order, or cuts it; the promise waits until it is gone. */
  async close(connection: Accepted, how: 'close' | 'cut' = 'close'): Promise<void> {
    this.#forget(connection)
    if (how === 'close') await connection.close()
    else connection.terminate()
    await connection.closed
  }

  async closeAll(): Promise<void> {
    const all = this.orgs.flatMap((org) => this.of(org))
    await Promise.all(all.map((connection) => this.close(connection)))
  }

  #forget(connection: Accepted): boolean {
    return this.#open.get(this.#orgOf.get(connection) ?? '')?.delete(connection) ?? false
  }
}

/**
 * Waits until the sets in Redis are, id by id, the connections that are open. `withinMs` (8 s) is far below the 30 s
 * after which an audit would mend what has leaked.
 */
export async function untilBooksAgree(books: Books, clients: OpenConnections, withinMs = 8_000): Promise<void> {
  let seen: unknown
  const agree = async () => {
    const slots = await books.slots()
    const inRedis = Object.fromEntries([...slots].map(([org, ids]) => [org, [...ids.keys()].sort()]))
    const open = clients.orgs.filter((org) => clients.count(org) > 0).map((org) => [org, clients.ids(org)])
    seen = { inRedis, open: Object.fromEntries(open) }
    expect(inRedis).toEqual(Object.fromEntries(open))
    return true
  }
  await until(agree, { withinMs, what: 'the sets in Redis are the open connections' }).catch((cause: unknown) => {
    throw new Error(`the books do not agree after ${withinMs} ms: ${JSON.stringify(seen)}`, { cause })
  })
}
