import { type Clock, systemClock } from '../core/clock.js'
import { shownLimit } from '../core/limits.js'
import { beginningOf } from '../core/shown.js'
import type { Limiter } from '../limiter/limiter.js'
import type { Log } from './log.js'
import { logStore } from './log-store.js'

/** So many slips in the name of a tier are logged, each once. */
const MOST_UNKNOWN_TIERS = 100

/** Writes what a node goes through into the log: changes loudly, single admissions only at debug level. */
export function logEvents(limiter: Pick<Limiter, 'on'>, log: Log, clock: Clock = systemClock): void {
  logStore(limiter, log, clock)
  limiter.on('lease.taken', (fields) => {
    log.info(fields, 'lease taken')
    if (fields.recoveryMs > 0) {
      log.warn(
        fields,
        'the store is new or was wiped: admissions wait until other nodes have reasserted their connections',
      )
    }
  })
  limiter.on('lease.lost', (fields) => log.error(fields, 'the lease is lost; a new one will be taken'))
  limiter.on('lease.lapsed', (fields) =>
    log.error(fields, 'the store has not answered for too long: open connections are closed'),
  )
  limiter.on('debt.taken', (fields) => log.debug(fields, 'admitted in the absence of the store'))
  limiter.on('debt.settled', (fields) => log.warn(fields, 'the store learned of connections admitted in its absence'))
  limiter.on('connections.reasserted', (fields) => log.warn(fields, 'open connections were reasserted to the store'))
  limiter.on('lease.swept', (fields) => log.info(fields, 'what a dead lease had left was swept'))
  limiter.on('drift.repaired', (fields) => log.error(fields, 'the store and the open connections differed; repaired'))
  limiter.on('orders.given', (fields) => log.info(fields, 'connections were ordered to close'))
  limiter.on('org.over_limit', (fields) => log.warn(fields, 'an org holds more connections than it may'))
  limiter.on('order.obeyed', (fields) => log.info(fields, 'a connection is closed as ordered'))
  limiter.on('drain.ordered', () => log.warn({}, 'an operator has ordered this node to stop'))
  limiter.on('peers.probed', (fields) =>
    log.info(fields, 'a limit was full: silent connections were asked for an answer'),
  )
  limiter.on('limit.set', (fields) =>
    log.info({ audit: true, ...fields, limit: shownLimit(fields.limit) }, 'limit changed'),
  )
  limiter.on('limit.learned', (fields) =>
    log.debug({ ...fields, limit: shownLimit(fields.limit) }, 'a limit was changed'),
  )
  limiter.on('limit.ended', (fields) => log.info({ audit: true, ...fields }, 'a limit set by an operator has expired'))
  limiter.on('overrides.restored', (fields) => log.warn(fields, 'limits set by operators were written back'))
  limiter.on('overrides.overflowed', (fields) =>
    log.warn(fields, 'there are more limits set by operators than this node remembers: the rest is not written back'),
  )
  const unknownTiers = new Set<string>()
  limiter.on('tier.unknown', (fields) => {
    // A token may say anything there.
    const tier = beginningOf(fields.tier)
    if (unknownTiers.has(tier) || unknownTiers.size >= MOST_UNKNOWN_TIERS) return
    unknownTiers.add(tier)
    log.warn({ ...fields, tier }, 'unknown tier: the lowest limit applies')
  })
  limiter.on('node.started', () => log.info({}, 'admitting connections'))
  limiter.on('node.quieted', () => log.info({}, 'admitting no more connections'))
  limiter.on('node.drained', (fields) => log.info(fields, 'connections closed'))
  limiter.on('org.nearly_full', (fields) => log.info(fields, 'an org is nearly full'))
  limiter.on('admission.granted', (fields) => log.debug(fields, 'admitted'))
  limiter.on('admission.abandoned', (fields) => log.debug(fields, 'left before the decision'))
  limiter.on('admission.denied', (fields) => log.debug(fields, 'denied'))
}
