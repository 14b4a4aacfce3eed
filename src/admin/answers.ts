import type { z } from 'zod'
import type { answers } from './schemas.js'

/** What the admin API answers, as types: all that the CLI and the page need to know of it. */
export type AnswerName = keyof typeof answers
export type Answer<Name extends AnswerName> = z.infer<(typeof answers)[Name]>
export type OrgAnswer = Answer<'orgs'>['orgs'][number]
export type OrgLimitsAnswer = Answer<'org'>
export type SetLimitAnswer = NonNullable<OrgLimitsAnswer['override']>
export type HolderAnswer = Answer<'connections'>['connections'][number]
export type NodeAnswer = Answer<'nodes'>['nodes'][number]
export type NoteAnswer = Answer<'refusals'>['refusals'][number]
/** Of a Redis Cluster, which buckets an answer lacks, and of how many. */
export type AwayAnswer = Pick<Answer<'nodes'>, 'bucketsAway' | 'buckets'>
export type StatsAnswer = Answer<'stats'>
