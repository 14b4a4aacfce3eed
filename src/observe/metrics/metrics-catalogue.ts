/** One metric: what Prometheus is told of it. Names end in their unit; counters in `_total`. */
export interface MetricRow {
  readonly type: 'gauge' | 'counter' | 'histogram'
  readonly help: string
  readonly labels?: readonly string[]
}

/** Keeps the literal of its type, so that a counter cannot be set, nor a gauge counted. */
function row<Type extends MetricRow['type']>(type: Type, help: string, ...labels: string[]) {
  return { type, help, ...(labels.length > 0 && { labels }) }
}

const CLUSTER = 'Every node reports the same, so use max, not sum'

/**
 * Every metric there is, once: registered from here, and the table of docs/metrics.md is made of it. No label holds
 * anything that a client may choose.
 */
export const METRICS = {
  connections: row('gauge', 'Connections of this node that hold a slot or are being admitted'),
  connections_limit: row('gauge', 'Connections that this node may hold; absent where there is no limit'),
  upgrades_pending: row(
    'gauge',
    'Raw sockets that wait: for identity, for a slot, for silent holders of one, to be opened, for their refusal to be read',
    'stage',
  ),
  cluster_connections: row(
    'gauge',
    `Slots that are held in the whole cluster. ${CLUSTER}. Absent while a bucket of it, or the store, is away`,
  ),
  cluster_nodes: row('gauge', `Nodes with a live lease, as of the last renewal. ${CLUSTER}`),
  node_phase: row('gauge', '1 for the phase that the node is in, 0 for the others', 'phase'),
  store_reachable: row('gauge', '1 while admissions of all orgs can be decided, 0 while the store or a lease is away'),
  buckets: row('gauge', 'Buckets that orgs are spread over: 1, unless the store is a Redis Cluster'),
  buckets_away: row(
    'gauge',
    'Of those, buckets in which this node can decide no admissions now; 0 while there are none',
  ),
  recovery_seconds: row(
    'gauge',
    'Time until admissions resume after the store lost its memory; 0 otherwise, and while the store is away',
  ),
  admissions_waiting: row('gauge', 'Admissions without a decision'),
  releases_waiting: row('gauge', 'Slots of closed connections that the store has not confirmed as free'),
  admissions_total: row('counter', 'Decisions: ADMITTED, or the code of the refusal', 'code'),
  admission_duration_seconds: row('histogram', 'From asking for a slot to the decision', 'result'),
  upgrades_refused_total: row('counter', 'Upgrade requests refused at the gate, for whatever reason', 'code'),
  connections_opened_total: row('counter', 'WebSockets that were opened'),
  connections_closed_total: row('counter', 'WebSockets that were closed: why this node did it, or PEER', 'reason'),
  takeovers_asked_total: row(
    'counter',
    'Decisions about clients that came with a resume token, or in place of another connection',
    'code',
  ),
  takeovers_done_total: row('counter', 'Of those, admissions that got the slot of the earlier connection'),
  identity_answers_total: row(
    'counter',
    'Answers of keys, tokens and the platform about a credential',
    'source',
    'result',
  ),
  identity_answer_duration_seconds: row('histogram', 'How long such an answer took', 'source'),
  key_file_usable: row(
    'gauge',
    '1 while the key file as it is now is in force, 0 while it cannot be used and the keys read before are; absent without one',
  ),
  store_call_duration_seconds: row('histogram', 'Calls of the store, by verb; unanswered ones until given up', 'verb'),
  store_call_errors_total: row(
    'counter',
    'Calls that were refused (lost, fenced, stale, recovering), or unanswered: not in time, or with an error',
    'verb',
    'kind',
  ),
  store_disconnects_total: row('counter', 'Connections to the store that were lost or could not be made'),
  leases_taken_total: row('counter', 'Leases that this node took'),
  leases_lost_total: row(
    'counter',
    'Leases that this node lost, because the store lost its memory or because it was fenced',
    'reason',
  ),
  leases_lapsed_total: row('counter', 'Times that connections were closed because the store was away too long'),
  lease_renewals_total: row('counter', 'Renewals that were confirmed'),
  leases_dead: row(
    'gauge',
    `Leases that are dead and not yet swept, as of the last renewal, 16 at most in each bucket. ${CLUSTER}`,
  ),
  leases_swept_total: row('counter', 'Leases of dead nodes that this node swept'),
  swept_connections_total: row('counter', 'Slots of dead nodes that this node swept'),
  drift_repaired_total: row('counter', 'Slots in which store and sockets differed, found by an audit', 'kind'),
  reasserted_total: row(
    'counter',
    'Open connections reasserted to the store after a lost lease: kept or closed',
    'result',
  ),
  debts_taken_total: row('counter', 'Admissions in the absence of the store', 'policy'),
  debts_settled_total: row('counter', 'Of those, reported to the store once it was back'),
  limits_set_total: row('counter', 'Changes of limits that operators made through this node', 'kind'),
  limits_ended_total: row('counter', 'Limits set by operators that expired, as this node heard', 'kind'),
  orders_given_total: row('counter', 'Connections that this node ordered their owners to close', 'kind'),
  orders_obeyed_total: row('counter', 'Connections that this node closed as ordered', 'closing'),
  probes_total: row(
    'counter',
    'Silent peers asked when their limit was full: they answered, or were cut off',
    'result',
  ),
  orgs_nearly_full_total: row('counter', 'Times that an org became nearly full, as this node saw it'),
  refusals_dropped_total: row(
    'counter',
    'Notes of refusals that other nodes never saw, because there were too many at once',
  ),
  webhook_events_waiting: row('gauge', 'Events that wait for the webhook; absent where none is set'),
  webhook_batches_in_flight: row(
    'gauge',
    'Batches that are being sent, or wait to be sent again; absent where no webhook is set',
  ),
  webhook_events_total: row('counter', 'Events that the webhook took, or that were dropped', 'result'),
  webhook_failures_total: row('counter', 'Calls of the webhook that did not take a batch'),
  admin_wrong_tokens_total: row('counter', 'Requests to the admin API with a wrong token'),
  event_viewers: row('gauge', 'Viewers of the live events'),
  build_info: row('gauge', 'Always 1', 'version'),
} as const satisfies Record<string, MetricRow>

/** In front of every name. */
export const METRIC_PREFIX = 'headcount_'
