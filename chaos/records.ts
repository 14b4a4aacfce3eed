/**
 * What a run writes down, and all that the checker knows of it. Every record carries `t`, milliseconds on the one
 * monotonic clock of the process in which all clients live and from which all faults are done.
 */
export type ChaosRecord = { readonly t: number } & (
  | ClientRecord
  | OperatorRecord
  | FaultRecord
  | EffectRecord
  | MachineRecord
  | ClosingRecord
)

/** What one attempt of one client saw; `attempt` numbers them all. */
export type ClientRecord =
  | {
      readonly is: 'asked'
      readonly attempt: number
      readonly org: string
      readonly node: number
      readonly by: string
      /** The attempt whose resume token it showed. */
      readonly resumes?: number
      /** What its client calls itself. */
      readonly instance?: string
    }
  /** The acknowledgement came, with the id that the server gave the connection. */
  | { readonly is: 'opened'; readonly attempt: number; readonly id: string }
  | {
      readonly is: 'refused'
      readonly attempt: number
      readonly status: number
      readonly code: string
      readonly count?: number
      readonly limit?: number
    }
  /** No answer: reset, refused by the kernel, or given up by the client. */
  | { readonly is: 'failed'; readonly attempt: number; readonly reason: string }
  /** The client reads nothing from now on: of what the server does it sees less, and later. */
  | { readonly is: 'deaf'; readonly attempt: number }
  /** The client ends the connection, or falls silent, perhaps before it was answered; written before it does. */
  | { readonly is: 'leaving'; readonly attempt: number; readonly how: Leave }
  /**
   * The connection is gone. `provenMs` is when the client sent the last ping that the server answered: the server held
   * the connection at that moment or later.
   */
  | { readonly is: 'closed'; readonly attempt: number; readonly code: number; readonly provenMs: number }

/** In good order; by RST; no byte any more while TCP stays; because the server has long said nothing. */
export type Leave = 'close' | 'reset' | 'silence' | 'impatience'

/** Why an attempt failed that its client itself broke off. */
export const OF_ITS_OWN = { reset: 'reset by the client', lost: 'the answer was lost' } as const

/** An exception to an org's limit was set at `askedMs` or later, and confirmed at `t`; or nobody knows whether. */
export type OperatorRecord = {
  readonly is: 'limit'
  readonly org: string
  readonly limit: number
  readonly askedMs: number
  readonly confirmed: boolean
}

/** Names what is done; for the report. What it does to whom is in effects. */
export type FaultRecord = { readonly is: 'fault'; readonly name: string; readonly phase: 'begin' | 'end' }

/**
 * What a fault does, in the words that the promises use. `begin` is written before it is done and `end` after it was
 * undone. Without a node it concerns all of them, and without orgs all orgs.
 *
 * - `store-away`: no node gets an answer from the store, for these orgs
 * - `cut-off`: this node alone gets none
 * - `store-lost`: the store forgot everything, of these orgs (a moment: `begin` alone)
 * - `paused`: the node does not run
 * - `killed`: the node's process was ended at once; `end` when its successor is ready
 * - `draining`: the node was told to stop; `end` when its process is gone
 * - `absent`: between a drained node's end and its successor's readiness
 * - `clients-cut`: nothing passes between this node and its clients
 */
export type EffectRecord = {
  readonly is: 'effect'
  readonly effect: Effect
  readonly node?: number
  /** Those whose part of the store it happens to, where a store has parts. */
  readonly orgs?: readonly string[]
  readonly phase: 'begin' | 'end'
}

export type Effect =
  | 'store-away'
  | 'cut-off'
  | 'store-lost'
  | 'paused'
  | 'killed'
  | 'draining'
  | 'absent'
  | 'clients-cut'

export type MachineRecord =
  | { readonly is: 'rss'; readonly node: number; readonly pid: number; readonly bytes: number }
  | { readonly is: 'exited'; readonly node: number; readonly code: number | null; readonly signal: string | null }
  /** This process itself was late by `ms`: what clients saw in that time they may have seen too late. */
  | { readonly is: 'lag'; readonly ms: number }

/** The end of a run: all faults are undone, clients knock no more and hold what they hold; then they close. */
export type ClosingRecord =
  | { readonly is: 'calm' }
  /** The connection ids in Redis and those that clients hold; compared until they agree or the time is over. */
  | { readonly is: 'compared'; readonly onlyInStore: readonly string[]; readonly onlyInClients: readonly string[] }
  | { readonly is: 'all-closed' }
  | { readonly is: 'emptied'; readonly slotsLeft: number }

/** The numbers of the promises, in milliseconds, as the nodes were started with them. */
export interface Terms {
  readonly ttlMs: number
  readonly renewIntervalMs: number
  readonly callTimeoutMs: number
  readonly pongTimeoutMs: number
  readonly drainMs: number
  readonly auditMs: number
  /** What a node does with its connections once it does not trust its lease: `rejoin` in records of before it was said. */
  readonly onLeaseLost?: 'rejoin' | 'close'
  /** What an org may hold while no exception was set. */
  readonly defaultLimit: number
}

/** What is kept of a run in a file: one line of JSON for this, then one for each record. */
export interface RunHeader {
  readonly seed: number
  readonly minutes: number
  readonly nodes: number
  readonly clients: number
  readonly orgs: readonly string[]
  readonly terms: Terms
  /** Absent in records of before there were several. */
  readonly redis?: string
}
