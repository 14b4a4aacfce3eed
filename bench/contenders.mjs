import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLimiter } from '../dist/index.js'
import { bottleneckSlots } from './rivals/bottleneck.mjs'
import { counter } from './rivals/counter.mjs'
import { expiryZset } from './rivals/expiry-zset.mjs'
import { lookThenAdd } from './rivals/look-then-add.mjs'

const { Semaphore } = createRequire(import.meta.url)('redis-semaphore')

/** Who has no answer after so long has none: a job that waits in a queue cannot be withdrawn, only let go when it comes. */
const PATIENCE_MS = 2_000

/**
 * Those whose decisions are judged, by name. Each is made inside a node's process and has `take`, which resolves to
 * whether a connection may stay (undefined when it was told neither), and keeps its slot alive from then on; `lost` is
 * called with the org of each that is told otherwise.
 */
export const CONTENDERS = {
  headcount: async ({ url, prefix, ttlMs, beatMs, lost }) => {
    const limiter = createLimiter({
      redis: url,
      keyPrefix: prefix,
      leaseTtlMs: ttlMs,
      renewIntervalMs: beatMs,
      storeTimeoutMs: 1_000,
    })
    await limiter.ready()
    return async (org, limit) => {
      const admission = await limiter.admit({ org, limit })
      if (admission.admitted) admission.lost.addEventListener('abort', () => lost(org))
      return admission.admitted
    }
  },
  'redis-semaphore': async ({ plain, prefix, ttlMs, beatMs, lost }) => {
    return (org, limit) =>
      new Semaphore(plain, `${prefix}${org}`, limit, {
        lockTimeout: ttlMs,
        refreshInterval: beatMs,
        acquireAttemptsLimit: 1,
        retryInterval: 1,
        onLockLost: () => lost(org),
      }).tryAcquire()
  },
  'expiry-scored ZSET': async (parts) => beating(expiryZset({ ...parts, expiryMs: parts.ttlMs }), parts),
  'INCR/DECR with EXPIRE': async (parts) => beating(counter({ ...parts, expiryMs: parts.ttlMs }), parts),
  Bottleneck: async (parts) => queuing(parts),
  'Bottleneck, expiration': async (parts) => queuing(parts, parts.ttlMs),
  'SCARD, then SADD': async (parts) => beating(lookThenAdd(parts), parts),
}

/** A job cannot be refreshed: it may run for ever, or for so long. */
function queuing({ plain, prefix, lost }, expirationMs) {
  const { take } = bottleneckSlots({ client: plain, prefix, expirationMs, lost })
  return async (org, limit) => {
    const answer = take(org, limit)
    const inTime = await Promise.race([answer.then((giveBack) => giveBack !== undefined), sleep(PATIENCE_MS)])
    if (inTime === undefined) answer.then((giveBack) => giveBack?.())
    return inTime
  }
}

/** A refresh that does not find its slot is heeded: that is more than most who write such a thing do. */
function beating(system, { beatMs, lost }) {
  let counter = 0
  return async (org, limit) => {
    const item = { org, id: `${process.pid}-${counter++}`, roomy: limit, full: limit }
    const [isAdmitted] = await system.acquire([item])
    if (!isAdmitted) return false
    const timer = setInterval(async () => {
      const [isThere = true] = (await system.beat([item])) ?? []
      if (isThere) return
      clearInterval(timer)
      lost(org)
    }, beatMs)
    return true
  }
}
