import { settings } from '../../server/config-settings.js'
import type { NodeRow } from './source.js'

/** What has to be known of a node. One whose lease has lapsed decides nothing and is left out. */
export type Differing = Pick<NodeRow, 'name' | 'leaseExpiresInMs' | 'startedAt' | 'version' | 'settings'>

/** What some nodes have another value of than others, as far as they tell it. */
export interface Difference {
  /** The value that most have comes first. */
  readonly sides: readonly { readonly value: string; readonly nodes: readonly string[] }[]
  /** Since when there are two values at least, by the clocks of the nodes; 0 where that is not known. */
  readonly sinceMs: number
}

/** What a server calls the options by whose names nodes tell their settings. */
const VARIABLES: ReadonlyMap<string, string> = new Map([
  ['limits.org', settings.maxConnectionsPerOrg.name],
  ['limits.tiers', settings.tiers.name],
  ['limits.reserved', settings.reserved.name],
  ['limits.gateway', settings.maxConnectionsPerGateway.name],
  ['limits.instance', settings.instanceLimit.name],
  ['limits.address', settings.maxConnectionsPerAddress.name],
  ['limits.cluster', settings.clusterMaxConnections.name],
  ['leaseTtlMs', settings.leaseTtlMs.name],
  ['renewIntervalMs', settings.renewIntervalMs.name],
  ['probeTimeoutMs', settings.probeTimeoutMs.name],
  ['policies.onStoreDown', settings.onStoreDown.name],
  ['policies.storeDownTimeMs', settings.storeDownTimeMs.name],
  ['policies.onLeaseLost', settings.onLeaseLost.name],
  ['policies.orphanTimeMs', settings.orphanTimeMs.name],
  ['policies.onLimitLowered', settings.onLimitLowered.name],
  ['resumeSecret', settings.resumeSecret.name],
])

/** By the variable and the option of each setting; one that only another version knows has its own name alone. */
export function settingDifferences(nodes: readonly Differing[]): ReadonlyMap<string, Difference> {
  const names = new Set(nodes.flatMap(({ settings: told = {} }) => Object.keys(told)))
  const found = new Map<string, Difference>()
  for (const name of names) {
    // A node that does not tell it is of another version, and may have any value.
    const telling = nodes.filter(({ settings: told = {} }) => Object.hasOwn(told, name))
    const difference = differenceOf(telling, ({ settings: told = {} }) => String(told[name]))
    const variable = VARIABLES.get(name)
    if (difference) found.set(variable === undefined ? name : `${variable} (${name})`, difference)
  }
  return found
}

/** One that does not tell its version differs from all that do. */
export function versionDifference(nodes: readonly Differing[]): Difference | undefined {
  return differenceOf(nodes, ({ version = 'one that is not told' }) => version)
}

function differenceOf(nodes: readonly Differing[], told: (node: Differing) => string): Difference | undefined {
  const living = nodes.filter(({ leaseExpiresInMs }) => leaseExpiresInMs > 0)
  const values = [...new Set(living.map(told))]
  if (values.length < 2) return undefined
  const sides = values.map((value) => ({ value, nodes: living.filter((node) => told(node) === value) }))
  const [, second] = sides.map((side) => Math.min(...side.nodes.map(startedMs))).sort((one, other) => one - other)
  const named = sides.map((side) => ({ ...side, nodes: [...new Set(side.nodes.map(({ name }) => name))].sort() }))
  return { sides: named.sort(byNodes), sinceMs: second! }
}

/** The same at each look, whatever order the nodes come in. */
function byNodes({ nodes: one }: Difference['sides'][number], { nodes: other }: Difference['sides'][number]): number {
  return other.length - one.length || (one[0]! < other[0]! ? -1 : 1)
}

/** Of whom that is not known it may have been always. */
function startedMs({ startedAt = '' }: Differing): number {
  return Date.parse(startedAt) || 0
}
