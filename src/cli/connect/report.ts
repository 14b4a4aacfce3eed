import { safe } from '../terminal/safe-text.js'
import type { Closing } from './attempt.js'
import type { Refusal } from './refusal.js'

/** What happens to the connections, in the order in which it happens. `connection` counts from 1. */
export type ClientEvent =
  | { readonly event: 'accepted'; readonly connection: number; readonly connectionId?: string }
  | ({ readonly event: 'refused'; readonly connection: number } & Refusal)
  | { readonly event: 'failed'; readonly connection: number; readonly reason: string }
  | ({ readonly event: 'closed'; readonly connection: number } & Closing)
  | { readonly event: 'retrying'; readonly connection: number; readonly inMs: number }
  | {
      readonly event: 'summary'
      readonly accepted: number
      readonly refused: number
      readonly failed: number
      /** Connections open at this moment. */
      readonly held: number
    }

export type Report = (event: ClientEvent) => void

/** One line for people. */
export function describe(event: ClientEvent): string {
  switch (event.event) {
    case 'accepted':
      return line(event, event.connectionId === undefined ? '(without connection.ack)' : `id=${event.connectionId}`)
    case 'refused':
      return line(event, [event.status, event.code ?? event.title, ...detailsOf(event)].filter(Boolean).join(' '))
    case 'failed':
      return line(event, event.reason)
    case 'closed':
      return line(event, `${event.code} ${event.reason}`)
    case 'retrying':
      return line(event, `in ${(event.inMs / 1_000).toFixed(1)} s`)
    case 'summary': {
      const failed = event.failed > 0 ? `, ${event.failed} failed` : ''
      return `${event.accepted} accepted, ${event.refused} refused${failed}`
    }
  }
}

function detailsOf({ currentCount, maxAllowed, retryAfterSeconds, instance }: Refusal): string[] {
  const details = { currentCount, maxAllowed, 'Retry-After': retryAfterSeconds, instance }
  return Object.entries(details).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
}

function line({ event, connection }: { event: string; connection: number }, rest: string): string {
  // The rest comes from the server.
  return `#${connection} ${event.padEnd(8)} ${safe(rest)}`.trimEnd()
}
