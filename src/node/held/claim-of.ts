import type { AdmissionRequest } from '../../core/admission.js'
import type { EventBus } from '../../core/events.js'
import { checkName, checkOrg } from '../../core/org-id.js'
import { checkPriority, type Reserve } from '../../core/reserve.js'
import { checkScopes } from '../../core/scopes.js'
import { countedAs } from '../../net/counted-address.js'
import type { Claim, ScopeClaim } from '../../store/lease-store.js'
import { encodeDetails } from './details.js'
import { instanceScope } from './instances.js'
import { type DefaultLimits, requestLimit } from './request-limit.js'

/**
 * What connections count against beside their org; as many as come where absent. The same on all nodes of a cluster.
 */
export interface ScopeLimits {
  /** One connection of an instance, for requests that name theirs; probed at once when it comes back. */
  readonly instance?: boolean
  /** Connections of one gateway of an org, for requests that name a gateway. */
  readonly gateway?: number
  /** Connections from one address (of IPv6: one /64), of all orgs together, for requests that name an address. */
  readonly address?: number
  /** Connections of all orgs on all nodes. */
  readonly cluster?: number
  /** What of each org's limit only requests with `priority` may use. */
  readonly reserved?: Reserve
}

/** What a request is given that says nothing else, and what it counts against beside its org. */
export interface ClaimDefaults extends DefaultLimits {
  readonly limits?: ScopeLimits
}

/**
 * What a request claims, in the order in which it is refused: the narrowest limit first, so that a client is told of
 * its own before it is told of others'. A limit of no end is not counted, and costs nothing.
 * Throws `UsageError` for a request that can never be valid.
 */
export function claimOf(
  request: AdmissionRequest,
  defaults: ClaimDefaults,
  stamp: { readonly id: string; readonly sinceMs: number },
  events?: EventBus,
): Claim {
  const { org, gateway, instance, address, priority } = request
  const { limits } = defaults
  checkOrg(org)
  // Whether they are counted or not, they are kept with the connection: nothing of any length, and nothing but text.
  if (gateway !== undefined) checkName('gateway', gateway)
  if (instance !== undefined) checkName('instance', instance)
  if (address !== undefined) checkName('address', address)
  checkPriority(priority)
  const orgLimit = requestLimit(request, defaults, events)
  const scopes: [ScopeClaim, ...ScopeClaim[]] = [{ name: 'org', id: org, limit: orgLimit }]
  if (limits || request.scopes !== undefined) claimFurther(scopes, request, limits ?? {})
  // The limit too, since another node may know a lower one and has to see that this connection is no surplus.
  const limit = orgLimit === Number.POSITIVE_INFINITY ? undefined : orgLimit
  const details = encodeDetails({ gateway, instance, address, limit, priority: priority || undefined }, stamp.sinceMs)
  if (!priority && limits?.reserved) return { id: stamp.id, scopes, details, reserve: limits.reserved }
  return { id: stamp.id, scopes, details }
}

function claimFurther(claimed: ScopeClaim[], request: AdmissionRequest, limits: ScopeLimits): void {
  const { org, gateway, instance, address, scopes } = request
  if (limits.instance && instance !== undefined) claimed.push(instanceScope(org, gateway, instance))
  // The slash ends the org, which has none: no two orgs share a gateway's scope, whatever their names (S5).
  count(claimed, 'gateway', limits.gateway, gateway, (id) => `${encodeURIComponent(org)}/${id}`)
  if (scopes !== undefined) {
    checkScopes(scopes)
    for (const { name, id, limit } of scopes) claimed.push({ name, id, limit })
  }
  count(claimed, 'address', limits.address, address, countedAs)
  count(claimed, 'cluster', limits.cluster, 'all', () => '')
}

function count(
  claimed: ScopeClaim[],
  name: string,
  limit: number | undefined,
  id: string | undefined,
  named: (id: string) => string,
): void {
  if (limit === undefined || limit === Number.POSITIVE_INFINITY || id === undefined) return
  claimed.push({ name, id: named(id), limit })
}
