import { z } from 'zod'
import { parseDurationMs } from '../core/durations.js'
import { ON_LIMIT_LOWERED, type Policies } from '../core/policies.js'

/** Of all requests the only one with a body that is read. */
export const MAX_BODY_BYTES = 4_096

/** What an operator asks for: one of a limit and a tier, and the terms. */
export interface LimitChange {
  readonly limit?: number
  readonly tier?: string
  readonly terms: {
    readonly forMs?: number
    readonly note?: string
    readonly by?: string
    readonly onLowered?: Policies['onLimitLowered']
  }
}

const LIMIT = '"limit" must be a whole number from 0, or "unlimited"'
const slots = z.number(LIMIT).int(LIMIT).min(0, LIMIT).max(Number.MAX_SAFE_INTEGER, LIMIT)
const text = (name: string) => z.string(`"${name}" must be text`).optional()
const fields = {
  limit: z.union([slots, z.literal('unlimited')], LIMIT).optional(),
  tier: text('tier'),
  for: text('for'),
  expiresAt: z.iso.datetime({ offset: true, error: '"expiresAt" must be a time in the form of RFC 3339' }).optional(),
  note: text('note'),
  by: text('by'),
  onLowered: z.enum(ON_LIMIT_LOWERED, '"onLowered" must be "keep", "newest" or "oldest"').optional(),
}

export const limitBody = z
  .strictObject(fields, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `the body must not have ${JSON.stringify(issue.keys[0])}, but any of ${Object.keys(fields).join(', ')}`
        : 'the body must be a JSON object, such as {"limit": 5} or {"tier": "paid"}',
  })
  .refine(({ limit, tier }) => (limit === undefined) !== (tier === undefined), 'either "limit" or "tier" must be given')
  .refine((given) => given.for === undefined || given.expiresAt === undefined, {
    error: '"for" and "expiresAt" must not be given both',
  })

/** What such a body asks for; of any other, the first thing that is wrong with it. */
export function readLimitBody(json: unknown, nowMs: number): LimitChange | { readonly problem: string } {
  const parsed = limitBody.safeParse(json)
  if (!parsed.success) return { problem: parsed.error.issues[0]!.message }
  const { limit, tier, for: duration, expiresAt, note, by, onLowered } = parsed.data
  const forMs = duration === undefined ? msUntil(expiresAt, nowMs) : (parseDurationMs(duration) ?? 0)
  if (forMs !== undefined && forMs < 1) {
    if (duration === undefined) return { problem: `"expiresAt" must be a time to come, not ${expiresAt}` }
    const given = JSON.stringify(duration)
    return { problem: `"for" takes a duration above 0 with its unit, such as "1h", not ${given}` }
  }
  return {
    ...(limit !== undefined && { limit: limit === 'unlimited' ? Number.POSITIVE_INFINITY : limit }),
    ...(tier !== undefined && { tier }),
    terms: {
      ...(forMs !== undefined && { forMs }),
      ...(note !== undefined && { note }),
      ...(by !== undefined && { by }),
      ...(onLowered !== undefined && { onLowered }),
    },
  }
}

function msUntil(time: string | undefined, nowMs: number): number | undefined {
  return time === undefined ? undefined : Date.parse(time) - nowMs
}
