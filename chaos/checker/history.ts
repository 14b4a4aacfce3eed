import type { ChaosRecord, ClientRecord, Leave } from '../records.js'

type Part<K extends ClientRecord['is']> = Extract<ClientRecord, { is: K }>

/** All that is known of one attempt, in milliseconds of the log's clock. */
export interface Attempt {
  readonly number: number
  readonly org: string
  readonly node: number
  readonly by: string
  readonly askedMs: number
  openedMs?: number
  id?: string
  refusedMs?: number
  refusal?: Part<'refused'>
  failedMs?: number
  failure?: string
  deaf?: boolean
  leavingMs?: number
  leave?: Leave
  closedMs?: number
  closeCode?: number
  provenMs?: number
}

/** Puts the clients' records together, attempt by attempt, in the order in which they asked. */
export function attemptsOf(records: readonly ChaosRecord[]): Attempt[] {
  const attempts = new Map<number, Attempt>()
  for (const record of records) {
    if (record.is === 'asked') {
      const { attempt: number, org, node, by, t: askedMs } = record
      attempts.set(number, { number, org, node, by, askedMs })
    } else if ('attempt' in record) {
      const attempt = attempts.get(record.attempt)
      if (!attempt) throw new Error(`attempt ${record.attempt} was never begun`)
      add(attempt, record)
    }
  }
  return [...attempts.values()]
}

function add(attempt: Attempt, record: ClientRecord & { readonly t: number }): void {
  if (record.is === 'opened') {
    attempt.openedMs = record.t
    attempt.id = record.id
  } else if (record.is === 'refused') {
    attempt.refusedMs = record.t
    attempt.refusal = record
  } else if (record.is === 'failed') {
    attempt.failedMs = record.t
    attempt.failure = record.reason
  } else if (record.is === 'deaf') {
    attempt.deaf = true
  } else if (record.is === 'leaving') {
    attempt.leavingMs ??= record.t
    attempt.leave ??= record.how
  } else if (record.is === 'closed') {
    attempt.closedMs = record.t
    attempt.closeCode = record.code
    attempt.provenMs = record.provenMs
  }
}

/**
 * When a connection was certainly open last, seen from its client alone. It was if the client closed it in good order
 * then. If it ended otherwise, the server may have let it go at any time after it had last answered.
 */
export function certainlyOpenUntilMs(attempt: Attempt): number {
  const { openedMs = 0, closedMs, closeCode, leavingMs, leave, provenMs } = attempt
  if (closedMs === undefined) return leavingMs ?? openedMs
  if (leave === 'close' && closeCode === 1000 && leavingMs !== undefined) return leavingMs
  return Math.max(openedMs, Math.min(provenMs ?? openedMs, leavingMs ?? closedMs))
}

/** Groups by what `key` says. */
export function groupBy<T, K>(items: readonly T[], key: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    const group = groups.get(key(item))
    if (group) group.push(item)
    else groups.set(key(item), [item])
  }
  return groups
}
