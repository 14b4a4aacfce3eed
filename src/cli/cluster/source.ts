import type {
  Answer,
  AnswerName,
  AwayAnswer,
  HolderAnswer,
  NodeAnswer,
  NoteAnswer,
  OrgAnswer,
  OrgLimitsAnswer,
  SetLimitAnswer,
  StatsAnswer,
} from '../../admin/answers.js'
import type { RedisKeys } from '../../store/redis/keys.js'
import type { StoreFacts } from '../../store/redis/store-facts.js'

/** An org as the admin API tells of it. `maxAllowed` is `null` where only the nodes know it: Redis holds overrides only. */
export type Org = OrNull<OrgAnswer, 'maxAllowed'>
export type OrgLimits = OrNull<OrgLimitsAnswer, 'maxAllowed' | 'limitFrom'>
export type SetLimit = SetLimitAnswer
export type Holder = Omit<HolderAnswer, 'scopes'>
export type NodeRow = NodeAnswer
/** A refusal or a closing, as nodes note them. */
export type Note = NoteAnswer

/** The newest first. Where its store does not answer or takes nothing, a node has its own alone. */
export interface Notes {
  readonly refusals: readonly Note[]
  readonly of: 'cluster' | 'node'
}

type OrNull<Told, Name extends keyof Told> = Omit<Told, Name> & { readonly [N in Name]: Told[N] | null }

export interface NoteQuery {
  readonly org?: string
  /** Of a refusal; or the id of a connection that was closed. */
  readonly requestId?: string
  readonly limit: number
}

/** What a bucket holds, or why it does not answer while others do. */
export type BucketFacts =
  | { readonly facts: StoreFacts; readonly keys: RedisKeys }
  | { readonly facts?: undefined; readonly away: string }

/** What a node or Redis tells of all, as far as it is to be had: what buckets that are away hold is not in it. */
export type Orgs = AwayAnswer & { readonly orgs: Org[] }
export type Nodes = AwayAnswer & { readonly nodes: NodeRow[] }

/** Where a command gets its answers. All reject with `CliError`, which says what to do. */
export interface Source {
  /** Where the answers come from, without credentials. */
  readonly description: string
  orgs(): Promise<Orgs>
  limits(orgId: string): Promise<OrgLimits>
  holders(orgId: string): Promise<{ readonly connections: readonly Holder[]; readonly truncated: boolean }>
  /** Of one org: as its holders see them. On a Redis Cluster a node may be silent in one bucket and not in another. */
  nodes(orgId?: string): Promise<Nodes>
  refusals(query: NoteQuery): Promise<Notes>
  /** Of the node that is asked; `undefined` where none is. */
  stats(): Promise<StatsAnswer | undefined>
  /** Asks the admin API of a node for an answer of that name; rejects where answers come straight from Redis. */
  admin<Name extends AnswerName>(
    method: 'PUT' | 'DELETE' | 'POST',
    path: string,
    name: Name,
    body?: object,
  ): Promise<Answer<Name>>
  /** Everything that Redis is and holds, bucket by bucket; only where answers come straight from there. */
  facts?(): Promise<readonly BucketFacts[]>
  close(): Promise<void>
}
