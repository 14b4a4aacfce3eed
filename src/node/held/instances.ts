import type { ScopeClaim } from '../../store/lease-store.js'

/** The scope of those that name their instance: it may hold one connection. */
export const INSTANCE = 'instance'

/**
 * The scope of one instance of one gateway of one org. Two slashes end org and gateway, which have none: whatever the
 * names, no two of them share a scope (S5). Without a gateway that part is empty, which no gateway's name is.
 */
export function instanceScope(org: string, gateway: string | undefined, instance: string): ScopeClaim {
  const id = `${encodeURIComponent(org)}/${encodeURIComponent(gateway ?? '')}/${instance}`
  return { name: INSTANCE, id, limit: 1 }
}
