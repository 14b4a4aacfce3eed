import type { Terms } from './records.js'

/** What a server does when nobody sets anything. The time between audits cannot be set. */
export const SHIPPED: Terms = {
  ttlMs: 15_000,
  renewIntervalMs: 3_000,
  callTimeoutMs: 250,
  pongTimeoutMs: 30_000,
  drainMs: 25_000,
  auditMs: 30_000,
  defaultLimit: 3,
  onLeaseLost: 'rejoin',
}

/** Short lives, for more faults a minute. */
export const FAST: Terms = { ...SHIPPED, ttlMs: 5_000, renewIntervalMs: 1_000, pongTimeoutMs: 10_000 }
