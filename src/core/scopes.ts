import type { RefusalCode } from './closures.js'
import { UsageError } from './errors.js'
import { checkLimit } from './limits.js'
import { checkName } from './org-id.js'
import { shown } from './shown.js'

/** A limit of the embedding program's own that a connection counts against, over the whole cluster and all orgs. */
export interface ScopeRequest {
  /** What is counted: 1–32 lower-case letters, digits and `-`, the first a letter; none of the names in use here. */
  readonly name: string
  /** Which of them: text as an org id. Put the org into it where ids are an org's own. */
  readonly id: string
  /** Slots; `Infinity` counts without a limit. */
  readonly limit: number
}

/**
 * With the org, its instance, its gateway, its address and the cluster a connection counts against nine scopes at most.
 */
export const MAX_OWN_SCOPES = 4

const NAME = /^[a-z][a-z0-9-]{0,31}$/
const NAMES_IN_USE = ['org', 'gateway', 'instance', 'address', 'node', 'cluster']

/** Throws `INVALID_SCOPES`, or `INVALID_LIMIT`, for what can never be counted. */
export function checkScopes(scopes: readonly ScopeRequest[]): void {
  if (!Array.isArray(scopes) || scopes.length > MAX_OWN_SCOPES) {
    throw new UsageError('INVALID_SCOPES', `scopes are a list of at most ${MAX_OWN_SCOPES}`)
  }
  if (scopes.length === 0) return
  const names = new Set(NAMES_IN_USE)
  for (const scope of scopes) {
    if (typeof scope !== 'object' || scope === null) {
      throw new UsageError('INVALID_SCOPES', `a scope is { name, id, limit }, not ${shown(scope)}`)
    }
    const { name, id, limit } = scope
    if (typeof name !== 'string' || !NAME.test(name)) {
      throw new UsageError(
        'INVALID_SCOPES',
        `a scope is named by lower-case letters, digits and "-", not ${shown(name)}`,
      )
    }
    if (names.has(name)) throw new UsageError('INVALID_SCOPES', `the scope name "${name}" is taken`)
    checkName(`id of the scope "${name}"`, id)
    checkLimit(limit, `the limit of the scope "${name}"`)
    names.add(name)
  }
}

const REFUSALS = new Map<string, RefusalCode>([
  ['org', 'ORG_CONNECTION_LIMIT_EXCEEDED'],
  ['instance', 'INSTANCE_CONNECTION_LIMIT_EXCEEDED'],
  ['gateway', 'GATEWAY_CONNECTION_LIMIT_EXCEEDED'],
  ['address', 'ADDRESS_CONNECTION_LIMIT_EXCEEDED'],
  ['cluster', 'CLUSTER_CAPACITY_EXCEEDED'],
])

/** The code with which a connection is refused where the scope of this name is full. */
export function refusalOfScope(name: string): RefusalCode {
  return REFUSALS.get(name) ?? 'SCOPE_CONNECTION_LIMIT_EXCEEDED'
}
