import type { Clock } from '../core/clock.js'
import type { NodeEvents } from '../core/events.js'
import type { Limiter } from '../limiter/limiter.js'
import type { Log } from './log.js'

/** So many causes of one absence are told aloud, each once. */
const MOST_CAUSES = 8
/** A store that refuses newcomers may be asked by thousands: it is told of once in this time. */
const REFUSED_EVERY_MS = 60_000

type Reason = NodeEvents['store.refused']['reason']
const REFUSED: Readonly<Record<Reason, string>> = {
  memory: 'Redis is at its memory limit and refuses newcomers: raise maxmemory, or find out what fills it',
  broken: 'a key of this org is not what it should be and its newcomers are refused: headcount doctor --redis finds it',
  conflict: 'the store knows another owner of a new connection, which should not happen',
}

const LEFT =
  'the store cannot be used for now: HEADCOUNT_ON_STORE_DOWN says who is let in meanwhile, HEADCOUNT_ON_LEASE_LOST who stays'

/** Writes into the log what becomes of the way to the store, and what the store says of itself. */
export function logStore(limiter: Pick<Limiter, 'on'>, log: Log, clock: Clock): void {
  logAbsence(limiter, log)
  const refused = new Map<Reason, { toldAtMs: number; count: number }>()
  limiter.on('store.refused', ({ org, reason }) => {
    const nowMs = clock.monotonicMs()
    const before = refused.get(reason) ?? { toldAtMs: Number.NEGATIVE_INFINITY, count: 0 }
    const count = before.count + 1
    const isDue = nowMs - before.toldAtMs >= REFUSED_EVERY_MS
    if (isDue) log.error({ reason, org, count }, REFUSED[reason])
    refused.set(reason, isDue ? { toldAtMs: nowMs, count: 0 } : { ...before, count })
  })
  limiter.on('store.misconfigured', (fields) =>
    log.error(fields, 'Redis may evict keys, and with them slots: set maxmemory-policy to noeviction'),
  )
}

/**
 * What ends a connection often says less than what keeps the next one from being made (a password that was changed, a
 * Redis that reads its data), so each cause that is new is told aloud, and those that repeat are not.
 */
function logAbsence(limiter: Pick<Limiter, 'on'>, log: Log): void {
  const away = new Map<number | undefined, Set<string>>()
  limiter.on('store.left', (fields) => {
    const causes = away.get(fields.bucket)
    // Causes that differ in their numbers, as those with a time do, are the same.
    const cause = fields.cause.replace(/\d+/g, '0')
    if (causes === undefined) {
      away.set(fields.bucket, new Set([cause]))
      log.warn(fields, LEFT)
    } else {
      const isNew = !causes.has(cause) && causes.size < MOST_CAUSES
      if (isNew) causes.add(cause)
      log[isNew ? 'warn' : 'debug'](fields, 'the store still cannot be used')
    }
  })
  limiter.on('store.joined', (fields) => {
    if (away.delete(fields.bucket)) log.info(fields, 'the store can be used again')
  })
}
