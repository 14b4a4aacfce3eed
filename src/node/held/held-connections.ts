import { type ScopeRef, scopeKey } from '../../store/claims.js'
import type { HeldConnection } from './held-connection.js'

/** Most orgs have one connection on a node, and a set for it alone would be the largest part of what it costs. */
type Index = Map<string, HeldConnection | Set<HeldConnection>>

/**
 * The connections of this node: the only mutable state about them, and the truth that the store is made equal to.
 * A connection is listed from before its slot is asked for until its release has been handed on.
 */
export class HeldConnections {
  readonly #all = new Map<string, HeldConnection>()
  /** The same connections by org, so that a question about one org costs no look at the others. */
  readonly #byOrg: Index = new Map()
  /** And by the further scopes that they count against. */
  readonly #byScope: Index = new Map()
  readonly #withInstance = new Set<HeldConnection>()
  #whenEmpty: (() => void)[] = []

  get size(): number {
    return this.#all.size
  }

  /** Whether any named its instance, so that it may be looked for at once. */
  get hasInstances(): boolean {
    return this.#withInstance.size > 0
  }

  add(connection: HeldConnection): void {
    this.#all.set(connection.id, connection)
    put(this.#byOrg, connection.org, connection)
    for (const scope of furtherOf(connection)) put(this.#byScope, scopeKey(scope), connection)
    if (connection.instance) this.#withInstance.add(connection)
  }

  remove(connection: HeldConnection): void {
    connection.end()
    this.#all.delete(connection.id)
    drop(this.#byOrg, connection.org, connection)
    for (const scope of furtherOf(connection)) drop(this.#byScope, scopeKey(scope), connection)
    this.#withInstance.delete(connection)
    if (this.#all.size > 0) return
    for (const resolve of this.#whenEmpty.splice(0)) resolve()
  }

  get(id: string): HeldConnection | undefined {
    return this.#all.get(id)
  }

  has(id: string): boolean {
    return this.#all.has(id)
  }

  /** Those that hold a slot, the oldest first. */
  held(): HeldConnection[] {
    return [...this.#all.values()]
      .filter((connection) => connection.state === 'held')
      .sort((one, other) => one.sinceMs - other.sinceMs)
  }

  /** How many slots an org has here. Looks at every connection of the org, and at no other. */
  heldBy(org: string): number {
    return heldAmong(listed(this.#byOrg, org))
  }

  /** The same of any scope. */
  heldIn(scope: ScopeRef): number {
    return scope.name === 'org' ? this.heldBy(scope.id) : heldAmong(listed(this.#byScope, scopeKey(scope)))
  }

  /** Those that hold a slot of a scope and are not on their way out. Looks at every connection of the scope. */
  *in(scope: ScopeRef): Generator<HeldConnection> {
    const connections = scope.name === 'org' ? listed(this.#byOrg, scope.id) : listed(this.#byScope, scopeKey(scope))
    for (const connection of connections) if (connection.staying) yield connection
  }

  /** The highest limit that a connection of the org came with; `undefined` where none is here. */
  limitOf(org: string): number | undefined {
    const limits = [...listed(this.#byOrg, org)].map(({ claim }) => claim.scopes[0].limit)
    return limits.length === 0 ? undefined : limits.reduce((one, other) => Math.max(one, other))
  }

  orgs(): string[] {
    return [...this.#byOrg.keys()]
  }

  /** Resolves when no connection is left; the caller brings the deadline. */
  whenEmpty(): Promise<void> {
    return this.#all.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenEmpty.push(resolve))
  }
}

const NONE: readonly never[] = []

function furtherOf({ claim }: HeldConnection): readonly ScopeRef[] {
  return claim.scopes.length === 1 ? NONE : claim.scopes.slice(1)
}

function heldAmong(connections: Iterable<HeldConnection>): number {
  let count = 0
  for (const { state } of connections) if (state === 'held') count++
  return count
}

function listed(index: Index, key: string): Iterable<HeldConnection> {
  const known = index.get(key)
  return known instanceof Set ? known : known ? [known] : NONE
}

function put(index: Index, key: string, connection: HeldConnection): void {
  const known = index.get(key)
  if (known instanceof Set) known.add(connection)
  else if (known && known !== connection) index.set(key, new Set([known, connection]))
  else index.set(key, connection)
}

function drop(index: Index, key: string, connection: HeldConnection): void {
  const known = index.get(key)
  if (known instanceof Set) known.delete(connection)
  if (known === connection || (known instanceof Set && known.size === 0)) index.delete(key)
}
