import { fieldsOf } from '../../core/parse-json.js'

/** What a connection tells operators of itself. */
export interface Details {
  readonly gateway?: string
  readonly instance?: string
  readonly address?: string
  /** RFC 3339. */
  readonly since?: string
  /** Of its org, in slots, with which it came; what operators set outweighs it. Absent where that has no end. */
  readonly limit?: number
  readonly priority?: boolean
}

type Told = { readonly [Name in Exclude<keyof Details, 'since'>]?: Details[Name] | undefined }

/** A time in base 36 of ms since 1970: all that a date can be, and no more. */
const TIME = /^[0-9a-z]{1,10}$/

/**
 * `sinceMs` is of the wall clock, in ms since 1970. Every connection pays for these names in the store, so they are a
 * letter each, and the time is in base 36.
 */
export function encodeDetails({ gateway, instance, address, limit, priority }: Told, sinceMs?: number): string {
  const s = sinceMs === undefined ? undefined : inBase36(sinceMs)
  return JSON.stringify({ g: gateway, i: instance, a: address, s, l: limit, p: priority })
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

/** The same as it was. What has another type or name than it should is left out: somebody else wrote it. */
export function decodeDetails(details: string): Details {
  const { g, i, a, s, l, p } = fieldsOf(details)
  return {
    ...(typeof g === 'string' && { gateway: g }),
    ...(typeof i === 'string' && { instance: i }),
    ...(typeof a === 'string' && { address: a }),
    ...(typeof s === 'string' && TIME.test(s) && { since: new Date(Number.parseInt(s, 36)).toISOString() }),
    ...(typeof l === 'number' && { limit: l }),
    ...(typeof p === 'boolean' && { priority: p }),
  }
}
