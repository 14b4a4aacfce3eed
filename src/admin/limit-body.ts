import { z } from 'zod'
import { parseDurationMs } from '../core/durations.js'

const POLICIES = ['keep', 'newest', 'oldest'] as const

/** What an operator asks for: one of a limit and a tier, and the terms. */
export interface LimitChange {
  readonly limit?: number
  readonly tier?: string
  readonly terms: {
    readonly forMs?: number
    readonly note?: string
    readonly by?: string
    readonly onLowered?: (typeof POLICIES)[number]
  }
}

export const limitBody = z
  .strictObject({
    limit: z.union([z.number().int().min(0).max(Number.MAX_SAFE_INTEGER), z.literal('unlimited')]).optional(),
    tier: z.string().optional(),
    for: z.string().optional(),
    expiresAt: z.iso.datetime({ offset: true }).optional(),
    note: z.string().optional(),
    by: z.string().optional(),
    onLowered: z.enum(POLICIES).optional(),
  })
  .refine(({ limit, tier }) => (limit === undefined) !== (tier === undefined))
  .refine((given) => given.for === undefined || given.expiresAt === undefined)

export const LIMIT_BODY =
  'The body must be {"limit": N} with N a whole number from 0 or "unlimited", or {"tier": "name"}; and if you like ' +
  '"for" (such as "1h") or "expiresAt" (a time to come, RFC 3339), "note", "by", and "onLowered" ("keep", "newest", "oldest")'

/** `undefined` for anything but such a body. */
export function readLimitBody(json: unknown, nowMs: number): LimitChange | undefined {
  const parsed = limitBody.safeParse(json)
  if (!parsed.success) return undefined
  const { limit, tier, for: duration, expiresAt, note, by, onLowered } = parsed.data
  const forMs =
    duration === undefined
      ? expiresAt === undefined
        ? undefined
        : Date.parse(expiresAt) - nowMs
      : parseDurationMs(duration)
  const ends = duration !== undefined || expiresAt !== undefined
  if (ends && !(forMs !== undefined && forMs >= 1)) return undefined
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
