import { z } from 'zod'
import type { HolderStats } from '../../limiter/holders.js'

/** One connection that held a slot when another was refused for it. */
export const holderNote = z.object({
  connectionId: z.string(),
  lease: z.number(),
  gateway: z.string().optional(),
  instance: z.string().optional(),
  address: z.string().optional(),
  since: z.string().optional().meta({ description: 'RFC 3339' }),
})

/** A refusal or a closing as operators see it, and as nodes hand it to each other. What does not apply is absent. */
export const refusalNote = z.object({
  at: z.string().meta({ description: 'RFC 3339, by the clock of the node' }),
  kind: z.enum(['refused', 'closed']),
  code: z.string().meta({ description: 'docs/errors.md explains each' }),
  detail: z.string().optional(),
  node: z.string(),
  requestId: z.string().optional().meta({ description: 'of a refusal; its client was told it as `instance`' }),
  connectionId: z.string().optional().meta({ description: 'of a closing' }),
  orgId: z.string().optional(),
  gatewayId: z.string().optional(),
  address: z.string().optional(),
  currentCount: z.number().optional(),
  maxAllowed: z.number().optional(),
  scope: z.string().optional().meta({ description: 'whose counts these are, where not the org’s' }),
  reserved: z.number().optional().meta({ description: 'so many slots more are for those that have priority' }),
  retryAfterSeconds: z.number().optional(),
  holders: z
    .array(holderNote)
    .optional()
    .meta({ description: 'of a full org: at most 10 of those who held its slots' }),
})

export type RefusalNote = z.infer<typeof refusalNote>
type HolderNote = z.infer<typeof holderNote>

/** What is noted of a holder, and no more of it: each note is handed on and kept a thousand times. */
export function noteOf({ connectionId, lease, gateway, instance, address, since }: HolderStats): HolderNote {
  return { connectionId, lease, gateway, instance, address, since }
}

/** `undefined` for what is no note: somebody else, or another version, has written it. */
export function readNote(text: string): RefusalNote | undefined {
  try {
    return refusalNote.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

export interface AboutWhat {
  readonly orgId?: string | undefined
  /** Of a refusal; or the id of a connection that was closed. */
  readonly requestId?: string | undefined
}

export function isAbout(note: RefusalNote, { orgId, requestId }: AboutWhat): boolean {
  if (orgId !== undefined && note.orgId !== orgId) return false
  return requestId === undefined || note.requestId === requestId || note.connectionId === requestId
}
