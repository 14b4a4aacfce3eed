import { fieldsOf } from '../core/parse-json.js'

/** What a connection tells operators of itself. */
export interface Details {
  readonly gateway?: string | undefined
  readonly instance?: string | undefined
  readonly address?: string | undefined
  /** RFC 3339. */
  readonly since?: string
  /** Of its org, in slots, with which it came. Absent where that has no end. */
  readonly limit?: number | undefined
  readonly priority?: boolean | undefined
}

/** Every connection pays for these names in the store, so they are a letter each, and the time is in base 36. */
interface Kept {
  readonly g?: unknown
  readonly i?: unknown
  readonly a?: unknown
  readonly s?: unknown
  readonly l?: unknown
  readonly p?: unknown
}

/** A time in base 36 of ms since 1970: all that a date can be, and no more. */
const TIME = /^[0-9a-z]{1,10}$/

/** `sinceMs` is of the wall clock, in ms since 1970. */
export function encodeDetails(
  { gateway, instance, address, limit, priority }: Omit<Details, 'since'>,
  sinceMs?: number,
): string {
  const s = sinceMs === undefined ? undefined : inBase36(sinceMs)
  return JSON.stringify({ g: gateway, i: instance, a: address, s, l: limit, p: priority } satisfies Kept)
}

let lastMs = Number.NaN
let lastText = ''

/** A busy node admits many in one ms, and putting a time into base 36 takes as long as the rest of the details. */
function inBase36(ms: number): string {
  if (ms !== lastMs) {
    lastMs = ms
    lastText = ms.toString(36)
  }
  return lastText
}

/** The same as it was. Whatever else stands there is as it stands; nothing, where the text was written by somebody else. */
export function decodeDetails(details: string): object {
  const { g, i, a, s, l, p, ...others } = fieldsOf(details) as Kept
  return {
    ...(g !== undefined && { gateway: g }),
    ...(i !== undefined && { instance: i }),
    ...(a !== undefined && { address: a }),
    ...(typeof s === 'string' && TIME.test(s) && { since: new Date(Number.parseInt(s, 36)).toISOString() }),
    ...(l !== undefined && { limit: l }),
    ...(p !== undefined && { priority: p }),
    ...others,
  }
}
