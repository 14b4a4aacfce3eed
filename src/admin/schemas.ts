import { z } from 'zod'
import { idProblem } from '../core/org-id.js'
import { ON_LIMIT_LOWERED } from '../core/policies.js'
import { requestIdOf } from '../core/request-instance.js'
import { holderNote, refusalNote } from '../observe/refusals/refusal-note.js'

/** What is read of a journal without a node between: as a node reads it. */
export { isAbout, readNote } from '../observe/refusals/refusal-note.js'

/** What `limit` may be at most. */
export const MOST_A_PAGE = 1_000
const MAX_REASON_LENGTH = 256
const REASON = `a reason must have 1 to ${MAX_REASON_LENGTH} characters`

const limit = z.coerce
  .number('limit must be a number')
  .int('limit must be a whole number')
  .min(1, 'limit must be 1 or more')
  .max(MOST_A_PAGE, `limit must be ${MOST_A_PAGE} or less`)
  .default(100)
const orgId = z
  .string()
  .refine((org) => idProblem(org) === undefined, { error: ({ input }) => `the org id ${idProblem(String(input))}` })
const NO_CURSOR = 'the cursor must be one that an earlier page gave'
const cursor = (form: RegExp) => z.string().regex(form, NO_CURSOR)
const LARGEST = 2n ** 64n - 1n
/** Redis refuses a larger one, which would look as if the store could not be read. */
const isWithin64Bits = (text: string) => BigInt(/\d*$/.exec(text)![0]) <= LARGEST

/** What may stand behind the `?`. */
export const queries = {
  orgs: z.object({
    cursor: cursor(/^(\d{1,3}\.)?o?\d{1,20}$/)
      .refine(isWithin64Bits, NO_CURSOR)
      .default('0'),
    sort: z.literal('utilisation', 'sort takes utilisation and nothing else').optional(),
    limit,
  }),
  refusals: z.object({
    org: orgId.optional(),
    /** Also as the client was told it, in the `instance` of its refusal. */
    requestId: z.string().transform(requestIdOf).optional(),
    cursor: cursor(/^\d{1,19}-\d{1,19}$/).optional(),
    limit,
  }),
  nodes: z.object({ org: orgId.optional() }),
  evict: z.object({ reason: z.string().min(1, REASON).max(MAX_REASON_LENGTH, REASON).optional() }),
  /** A DELETE has no body, so who takes a limit back and why stands here. */
  takeBack: z.object({ note: z.string().optional(), by: z.string().optional() }),
} as const

const slots = z.union([z.number(), z.literal('unlimited')])
const org = z.strictObject({
  orgId: z.string(),
  currentCount: z.number(),
  maxAllowed: slots,
  reserved: z.number().optional().meta({ description: 'of maxAllowed, kept for requests that have priority' }),
  excess: z.number().optional().meta({ description: 'connections above the limit' }),
})
const setLimit = z
  .strictObject({
    limit: slots,
    tier: z.string().optional(),
    note: z.string().optional(),
    by: z.string().optional(),
    onLowered: z.enum(ON_LIMIT_LOWERED).optional(),
    setAt: z.string().optional(),
    expiresAt: z.string().optional(),
  })
  .nullable()
const connection = z.strictObject({
  connectionId: z.string(),
  lease: z.number(),
  node: z.string().optional().meta({ description: 'the name of the node whose lease that is' }),
  scopes: z.array(z.strictObject({ name: z.string(), id: z.string() })),
  priority: z.boolean().optional(),
  gateway: z.string().optional(),
  instance: z.string().optional(),
  address: z.string().optional(),
  since: z.string().optional(),
  limit: z.number().optional().meta({ description: 'of its org, with which it came; absent where that has no end' }),
})
const node = z.strictObject({
  name: z.string(),
  lease: z.number(),
  leases: z.array(z.number()).optional().meta({ description: 'on a Redis Cluster, where it has one in each bucket' }),
  connections: z.number(),
  leaseExpiresInMs: z.number(),
  heartbeatAgeMs: z.number().optional(),
  late: z.boolean().optional(),
  startedAt: z.string().optional(),
  version: z.string().optional().meta({ description: 'of headcount, which it runs' }),
  settings: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .optional()
    .meta({ description: 'what must be the same on all nodes, by the names of the options of the library' }),
})
/** Of a Redis Cluster; both are there only while some are away. */
const buckets = {
  bucketsAway: z.array(z.number()).optional().meta({ description: 'numbers of the buckets that this answer lacks' }),
  buckets: z.number().optional().meta({ description: 'how many buckets there are' }),
}
const evicted = z.object({ ordered: z.number(), leaving: z.number(), truncated: z.boolean().optional() })

/** As it is answered; as it is read of the journal, another version may have written more. */
const refusal = z.strictObject({
  ...refusalNote.shape,
  holders: z
    .array(z.strictObject(holderNote.shape))
    .optional()
    .meta(refusalNote.shape.holders.meta() ?? {}),
})

/** What is answered; a test holds the answers against these. */
export const answers = {
  problem: z.strictObject({
    type: z.string(),
    title: z.string().meta({ description: 'the same for all that have this code' }),
    status: z.number(),
    code: z.string(),
    detail: z.string().optional().meta({ description: 'a sentence on this very refusal' }),
  }),
  live: z.strictObject({ status: z.string() }),
  ready: z.strictObject({
    status: z.enum(['ok', 'unavailable']),
    phase: z.string(),
    store: z.enum(['embedded', 'redis']),
    storeReachable: z.boolean(),
    connections: z.number(),
  }),
  orgs: z.strictObject({
    orgs: z.array(org),
    nextCursor: z.string().nullable(),
    truncated: z
      .boolean()
      .optional()
      .meta({ description: 'only where sorted: there are more orgs than were looked at' }),
    ...buckets,
  }),
  org: org.extend({
    limitFrom: z.enum(['override', 'tier', 'default']),
    tier: z.string().nullable().meta({
      description: 'of the key file or set by an operator; those of tokens and of the platform are not known here',
    }),
    override: setLimit,
    assignedTier: setLimit,
  }),
  connections: z.strictObject({ orgId: z.string(), connections: z.array(connection), truncated: z.boolean() }),
  evicted: evicted.extend({ orgId: z.string().optional(), connectionId: z.string().optional() }),
  nodes: z.strictObject({ nodes: z.array(node), ...buckets }),
  drained: z.strictObject({
    name: z.string(),
    lease: z.number(),
    connections: z.number().meta({ description: 'that it held when it was told' }),
    ordered: z.boolean().meta({ description: 'false where it had been told before' }),
  }),
  stats: z.strictObject({
    role: z.enum(['admin', 'read']).meta({ description: 'of the token that asks' }),
    node: z.strictObject({
      name: z.string(),
      phase: z.string(),
      connections: z.number(),
      storeReachable: z.boolean().meta({ description: 'whether admissions of all orgs can be decided' }),
      ...buckets,
      bucketsAway: buckets.bucketsAway.meta({
        description: 'numbers of the buckets in which this node can decide no admissions now',
      }),
      recoveryMs: z.number().meta({
        description: 'how long newcomers wait at least, because the store lost its memory; 0 where they do not',
      }),
      refusedLately: z.record(z.string(), z.number()).meta({
        description: 'newcomers that it has refused within the last minute, by code; of very many at least so many',
      }),
      keyFileUsable: z.boolean().optional().meta({
        description:
          'false where the key file cannot be used and the keys read before are in force; absent without one',
      }),
    }),
    store: z.string(),
    cluster: z.strictObject({ nodes: z.number(), connections: z.number() }),
    ...buckets,
  }),
  refusals: z.strictObject({
    refusals: z.array(refusal),
    nextCursor: z.string().nullable(),
    of: z.enum(['cluster', 'node']),
  }),
} as const
