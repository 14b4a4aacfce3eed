import type {
  AwayAnswer,
  HolderAnswer,
  NodeAnswer,
  NoteAnswer,
  OrgAnswer,
  OrgLimitsAnswer,
  SetLimitAnswer,
  StatsAnswer,
} from '../src/admin/answers.js'

export type Org = OrgAnswer
export type Limit = Org['maxAllowed']
export type OrgDetails = OrgLimitsAnswer
export type SetLimit = SetLimitAnswer
export type Holder = Omit<HolderAnswer, 'scopes'>
/** A refused upgrade, by its request id, or a closed connection, by its own. */
export type Refusal = NoteAnswer
/** Where the page comes from, and what its token lets it do. */
export type Stats = StatsAnswer
/** As snapshots tell of it: of a node that is there, all is known. */
export type Node = NodeAnswer & { readonly heartbeatAgeMs: number; readonly late: boolean }

/** Of a node, what no snapshot tells of it. */
export type NodeSettings = Pick<NodeAnswer, 'lease' | 'settings'>

/** What `GET events` sends once a second. */
export interface Snapshot extends AwayAnswer {
  readonly at: string
  readonly totals: {
    readonly connections: number
    readonly orgs: number
    readonly nodes: number
    readonly refusedPerSecond: number
  }
  readonly store: {
    readonly epoch?: string
    readonly recoveryMs: number
    readonly answeredInMs: number
  }
  /** The orgs that use the largest part of their limit, at most 50. */
  readonly orgs: readonly Org[]
  readonly nodes: readonly Node[]
  /** New since the snapshot before. */
  readonly refusals: readonly Refusal[]
}
