import type { ScopeRef } from '../../store/lease-store.js'
import { INSTANCE } from './instances.js'

/** The name under which those are looked for that took over from one connection. It has no limit, and no set. */
export const HEIR = 'heir'

/**
 * Whoever took over from this connection of an org. A client that shows a token which is spent may not have got the
 * answer, and with it the next token: then an heir is its own, and as gone as the first.
 */
export function heirScope(org: string, replaced: string): ScopeRef {
  return { name: HEIR, id: `${encodeURIComponent(org)}/${replaced}` }
}

/** Whether only one client's connections are found there: whoever comes back as that client says that they are gone. */
export function isOneClients({ name }: ScopeRef): boolean {
  return name === INSTANCE || name === HEIR
}
