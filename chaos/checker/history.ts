import type { ChaosRecord, ClientRecord, Leave } from '../records.js'

type Part<K extends ClientRecord['is']> = Extract<ClientRecord, { is: K }>

/** All that is known of one attempt, in milliseconds of the log's clock. */
export interface Attempt {
  readonly number: number
  readonly org: string
  readonly node: number
  readonly by: string
  readonly askedMs: number
  /** The attempt whose connection it claims to be the same client's. */
  readonly resumes?: number
  /** What its client calls itself, within its org. */
  readonly instance?: string
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
  /** The attempts that may have got the slot of this one, as they asked, and at what moment one certainly had it. */
  heirs?: Attempt[]
  takenOverMs?: number
}

/** L6: every attempt is answered within so long. */
export const ANSWER_MS = 3_000
/** Refused with this: the org holds all that it may. */
export const FULL = 'ORG_CONNECTION_LIMIT_EXCEEDED'
/** … or its instance does, which may hold one. */
export const INSTANCE_FULL = 'INSTANCE_CONNECTION_LIMIT_EXCEEDED'
/** Closed with this: its client has another in its place. */
export const TAKEN_OVER = 4410
/** Nobody listened: no node has heard of it. */
const NEVER_CONNECTED = 'ECONNREFUSED'
/** Who is refused so may have been given a slot all the same, which the node gives back once it knows. */
const MAYBE_TAKEN = ['STORE_UNAVAILABLE', 'ADMISSION_UNDECIDED']

/** Puts the clients' records together, attempt by attempt, in the order in which they asked. */
export function attemptsOf(records: readonly ChaosRecord[]): Attempt[] {
  const attempts = new Map<number, Attempt>()
  for (const record of records) {
    if (record.is === 'asked') {
      const { attempt: number, org, node, by, resumes, instance, t: askedMs } = record
      const claims = { ...(resumes !== undefined && { resumes }), ...(instance !== undefined && { instance }) }
      attempts.set(number, { number, org, node, by, askedMs, ...claims })
    } else if ('attempt' in record) {
      const attempt = attempts.get(record.attempt)
      if (!attempt) throw new Error(`attempt ${record.attempt} was never begun`)
      add(attempt, record)
    }
  }
  for (const attempt of attempts.values()) {
    const old = attempt.resumes !== undefined && attempts.get(attempt.resumes)
    if (!old || !mayHaveTakenOver(attempt)) continue
    old.heirs ??= []
    old.heirs.push(attempt)
    if (attempt.openedMs === undefined) continue
    old.takenOverMs = Math.min(old.takenOverMs ?? Number.POSITIVE_INFINITY, attempt.openedMs)
  }
  return [...attempts.values()]
}

/** It reached a node, and was not told that there is no room: it may have been told something else while it was let in. */
function mayHaveTakenOver({ refusal, failure = '' }: Attempt): boolean {
  return refusal?.code !== FULL && !failure.includes(NEVER_CONNECTED)
}

/** Whether it had a slot, or may have had one without its client being told. */
export function mayHaveHadSlot({ refusal }: Attempt): boolean {
  return refusal === undefined || MAYBE_TAKEN.includes(refusal.code)
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
 * When a connection certainly held its slot last, seen from its client alone. It did if the client closed it in good
 * order then. If it ended otherwise, the server may have let it go at any time after it had last answered; and not once
 * another attempt of its client may have taken it over.
 */
export function certainlyOpenUntilMs(attempt: Attempt): number {
  return Math.min(seenOpenUntilMs(attempt), attempt.heirs?.[0]?.askedMs ?? Number.POSITIVE_INFINITY)
}

function seenOpenUntilMs(attempt: Attempt): number {
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
