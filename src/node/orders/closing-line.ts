import type { ClosingCode } from '../../core/closures.js'
import type { HeldConnection } from '../held/held-connection.js'

/**
 * Connections that are ordered to close and wait for it. Their orgs take turns, so that the thousands of one keep
 * nobody of another waiting (S5); of one org, who came first goes first. Whoever closes by itself need not go any more.
 */
export class ClosingLine {
  readonly #orgs = new Map<string, Map<HeldConnection, ClosingCode>>()

  /** Whoever closed by itself counts until the line has noticed. */
  get size(): number {
    return [...this.#orgs.values()].reduce((sum, own) => sum + own.size, 0)
  }

  /** Harmless where it is in the line. */
  add(connection: HeldConnection, closing: ClosingCode): void {
    const own = this.#orgs.get(connection.org)
    if (own) own.set(connection, closing)
    else this.#orgs.set(connection.org, new Map([[connection, closing]]))
  }

  /** Whose turn it is. Who is returned is in the line no more. */
  next(): { readonly connection: HeldConnection; readonly closing: ClosingCode } | undefined {
    for (const [org, own] of this.#orgs) {
      this.#orgs.delete(org)
      for (const [connection, closing] of own) {
        own.delete(connection)
        if (!connection.staying) continue
        // Behind all others, until its next turn; it is forgotten then if nobody of it is left.
        this.#orgs.set(org, own)
        return { connection, closing }
      }
    }
    return undefined
  }

  /** Lets go of whoever need not go any more: so the line is never much longer than the list of what is open. */
  tidy(): void {
    for (const own of this.#orgs.values()) {
      for (const connection of own.keys()) if (!connection.staying) own.delete(connection)
    }
  }

  clear(): void {
    this.#orgs.clear()
  }
}
