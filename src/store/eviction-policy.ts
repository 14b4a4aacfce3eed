/**
 * Whether a `maxmemory-policy` lets Redis evict our keys. Those named `volatile-` take only what has been given an end,
 * and no key of ours has one. What nobody knows yet may do anything.
 */
export function mayEvictSlots(policy: string): boolean {
  return policy !== 'noeviction' && !policy.startsWith('volatile-')
}
