import type { Phase } from '../../core/admission.js'
import { systemClock } from '../../core/clock.js'
import { closings, refusals } from '../../core/closures.js'
import { version as ownVersion } from '../../core/version.js'
import type { Limiter } from '../../limiter/limiter.js'
import type { Metrics, MetricsOptions } from './metrics.js'

const PHASES = Object.keys({ starting: 0, running: 0, quiet: 0, draining: 0, stopped: 0 } satisfies Record<Phase, 0>)
const STAGES = ['identifying', 'admitting', 'waiting', 'opening', 'refused'] as const
/** For so long an answer of the store is good enough for whoever else scrapes. */
const CLUSTER_MS = 5_000

/** Series that begin at 0: one that began at 1 would hide its first event from `increase` and `rate`. */
const BEGIN_AT_ZERO = {
  admissions_total: ['ADMITTED', ...Object.keys(refusals)],
  upgrades_refused_total: Object.keys(refusals),
  takeovers_asked_total: ['ADMITTED', ...Object.keys(refusals)],
  connections_closed_total: ['PEER', ...Object.keys(closings)],
  orders_obeyed_total: Object.keys(closings),
  orders_given_total: ['evict', 'surplus'],
  leases_lost_total: ['lost', 'fenced'],
  drift_repaired_total: ['leaked', 'missing'],
  reasserted_total: ['kept', 'closed'],
  debts_taken_total: ['local', 'allow'],
  probes_total: ['answered', 'cut_off'],
  limits_set_total: ['override', 'tier'],
  limits_ended_total: ['override', 'tier'],
} as const

/** Counts what the limiter tells of. */
export function countEvents(limiter: Limiter, metrics: Metrics): void {
  for (const [name, labels] of Object.entries(BEGIN_AT_ZERO))
    for (const label of labels) metrics.count(name as keyof typeof BEGIN_AT_ZERO, [label], 0)
  countConnections(limiter, metrics)
  countStore(limiter, metrics)
  limiter.on('limit.set', ({ kind }) => metrics.count('limits_set_total', [kind]))
  limiter.on('limit.ended', ({ kind }) => metrics.count('limits_ended_total', [kind]))
  limiter.on('orders.given', ({ kind, ordered }) => metrics.count('orders_given_total', [kind], ordered))
  limiter.on('order.obeyed', ({ closing }) => metrics.count('orders_obeyed_total', [closing]))
  limiter.on('peers.probed', ({ asked, freed }) => {
    metrics.count('probes_total', ['answered'], asked - freed)
    metrics.count('probes_total', ['cut_off'], freed)
  })
  limiter.on('org.nearly_full', () => metrics.count('orgs_nearly_full_total'))
}

function countConnections(limiter: Limiter, metrics: Metrics): void {
  limiter.on('admission.decided', ({ code, tookMs, takesOver }) => {
    metrics.count('admissions_total', [code])
    if (takesOver) metrics.count('takeovers_asked_total', [code])
    metrics.time('admission_duration_seconds', [code === 'ADMITTED' ? 'admitted' : 'denied'], tookMs)
  })
  limiter.on('connection.taken_over', () => metrics.count('takeovers_done_total'))
  limiter.on('upgrade.refused', ({ code }) => metrics.count('upgrades_refused_total', [code]))
  limiter.on('connection.opened', () => metrics.count('connections_opened_total'))
  limiter.on('connection.closed', ({ closing }) => metrics.count('connections_closed_total', [closing ?? 'PEER']))
  limiter.on('debt.taken', ({ policy }) => metrics.count('debts_taken_total', [policy]))
  limiter.on('debt.settled', ({ connections }) => metrics.count('debts_settled_total', [], connections))
}

function countStore(limiter: Limiter, metrics: Metrics): void {
  limiter.on('store.called', ({ verb, outcome, tookMs }) => {
    metrics.time('store_call_duration_seconds', [verb], tookMs)
    if (outcome !== 'ok') metrics.count('store_call_errors_total', [verb, outcome])
  })
  limiter.on('store.left', () => metrics.count('store_disconnects_total'))
  limiter.on('lease.taken', () => metrics.count('leases_taken_total'))
  limiter.on('lease.lost', ({ reason }) => metrics.count('leases_lost_total', [reason]))
  limiter.on('lease.lapsed', () => metrics.count('leases_lapsed_total'))
  limiter.on('lease.renewed', ({ liveNodes, deadLeases }) => {
    metrics.count('lease_renewals_total')
    metrics.set('cluster_nodes', liveNodes)
    metrics.set('leases_dead', deadLeases)
  })
  limiter.on('lease.swept', ({ connections }) => {
    metrics.count('leases_swept_total')
    metrics.count('swept_connections_total', [], connections)
  })
  limiter.on('drift.repaired', ({ leaked, missing }) => {
    metrics.count('drift_repaired_total', ['leaked'], leaked)
    metrics.count('drift_repaired_total', ['missing'], missing)
  })
  limiter.on('connections.reasserted', ({ kept, closed }) => {
    metrics.count('reasserted_total', ['kept'], kept)
    metrics.count('reasserted_total', ['closed'], closed)
  })
}

/** Says how each gauge is read when somebody scrapes. */
export function readGauges(limiter: Limiter, metrics: Metrics, options: MetricsOptions): void {
  const { maxConnections, version = ownVersion, refusalsDropped, viewers, wrongTokens } = options
  metrics.set('connections_limit', maxConnections)
  metrics.set('build_info', 1, [version])
  metrics.set('cluster_nodes', undefined)
  metrics.read('connections', () => metrics.set('connections', limiter.connections))
  metrics.read('store_reachable', () => metrics.set('store_reachable', limiter.storeReachable ? 1 : 0))
  metrics.read('buckets', () => metrics.set('buckets', limiter.buckets.count))
  metrics.read('buckets_away', () => metrics.set('buckets_away', limiter.buckets.away.length))
  metrics.read('recovery_seconds', () => metrics.set('recovery_seconds', limiter.buckets.recoveryMs / 1_000))
  metrics.read('admissions_waiting', () => metrics.set('admissions_waiting', limiter.waiting.admissions))
  metrics.read('releases_waiting', () => metrics.set('releases_waiting', limiter.waiting.releases))
  metrics.read('event_viewers', () => metrics.set('event_viewers', viewers?.()))
  readCounter(metrics, 'refusals_dropped_total', refusalsDropped)
  readCounter(metrics, 'admin_wrong_tokens_total', wrongTokens)
  metrics.read('upgrades_pending', () => {
    for (const stage of STAGES) metrics.set('upgrades_pending', limiter.gates.count(stage), [stage])
  })
  metrics.read('node_phase', () => {
    for (const phase of PHASES) metrics.set('node_phase', limiter.phase === phase ? 1 : 0, [phase])
  })
  metrics.read('cluster_connections', clusterConnections(limiter, metrics))
}

/** A counter that somebody else keeps. */
function readCounter(
  metrics: Metrics,
  name: 'refusals_dropped_total' | 'admin_wrong_tokens_total',
  count = () => 0,
): void {
  let told = 0
  metrics.read(name, () => {
    const now = count()
    metrics.count(name, [], now - told)
    told = now
  })
}

/** One question for all who scrape within 5 s. */
function clusterConnections(limiter: Limiter, metrics: Metrics): () => Promise<void> {
  let askedAtMs = Number.NEGATIVE_INFINITY
  let asking = Promise.resolve()
  const ask = async () => {
    const nodes = await limiter.stats.nodes().catch(() => undefined)
    const connections = nodes?.reduce((sum, node) => sum + node.connections, 0)
    metrics.set('cluster_connections', connections)
  }
  return () => {
    const nowMs = systemClock.monotonicMs()
    if (nowMs - askedAtMs >= CLUSTER_MS) {
      askedAtMs = nowMs
      asking = ask()
    }
    return asking
  }
}
