import type { ClosingCode } from '../core/closures.js'
import type { Refusal } from './refuse.js'

/** A failure of ours is told as a condition that passes, never as a fault of the client's credentials or quota. */
export const OUR_FAULT = { code: 'ADMISSION_UNDECIDED', detail: 'a part of this node failed' } as const
export const TOO_LATE = { code: 'ADMISSION_UNDECIDED', detail: 'there was no decision in time' } as const
const LOST_BEFORE_OPEN = {
  code: 'STORE_UNAVAILABLE',
  detail: 'the slot was lost before the upgrade was complete',
} as const

/** What is said where a slot was taken away again before the handshake was complete. */
export function lostBeforeOpen(closing: ClosingCode): Refusal {
  return closing === 'DRAINING' ? { code: 'DRAINING' } : LOST_BEFORE_OPEN
}
