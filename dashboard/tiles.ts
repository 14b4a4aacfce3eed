import { byId, type Level, setLevel, setText } from './dom.js'
import { duration, milliseconds, number, utilisation } from './format.js'
import type { History } from './history.js'
import type { Snapshot } from './types.js'

/** A snapshot names at most so many orgs. */
const MOST_ORGS = 50
/** Store calls have 250 ms at the default settings; who takes a fifth of that is near trouble. */
const SLOW_MS = 50

/** A minute, but for the moments between snapshots. */
const WATCHED_MS = 55_000

export interface Shown {
  readonly snapshot: Snapshot
  readonly history: History
  /** How many the list of refusals has of the last minute. */
  readonly listed: number
  readonly nowMs: number
}

/** The four numbers that answer "is something wrong" from across the room. */
export function showTiles({ snapshot, history, listed, nowMs }: Shown): void {
  const { totals, orgs } = snapshot
  tile('connections', number(totals.connections), `of ${plural(totals.orgs, 'org')} on ${plural(totals.nodes, 'node')}`)

  const full = orgs.filter((org) => utilisation(org) >= 1)
  const over = full.filter((org) => org.maxAllowed !== 'unlimited' && org.currentCount > org.maxAllowed)
  const note = over.length > 0 ? `${number(over.length)} of them over it` : `of ${plural(totals.orgs, 'org')}`
  tile(
    'full',
    full.length === MOST_ORGS ? `${MOST_ORGS} or more` : number(full.length),
    note,
    full.length > 0 ? 'warn' : '',
  )

  showRefused(history.lastMinute(nowMs), listed)

  const { answeredInMs, recoveryMs } = snapshot.store
  const recovering =
    recoveryMs > 0 ? `recovering: admits again in ${duration(recoveryMs)} or more` : 'asked by this node, just now'
  tile('latency', milliseconds(answeredInMs), recovering, recoveryMs > 0 ? 'bad' : answeredInMs > SLOW_MS ? 'warn' : '')
}

/** Until a minute was watched, the list knows more of it than the rates that were seen. */
function showRefused(seen: ReturnType<History['lastMinute']>, listed: number): void {
  const isWatched = seen.watchedMs >= WATCHED_MS
  const refused = Math.max(Math.round(seen.refused), isWatched ? 0 : listed)
  // A node notes only some of a flood, so there may have been more.
  const watched = `${refused > 0 ? 'or more; ' : ''}watched for ${duration(seen.watchedMs)}`
  tile('refused', number(refused), isWatched ? 'on all nodes together' : watched, refused > 0 ? 'warn' : '')
}

function tile(name: string, figure: string, note: string, level: Level = ''): void {
  const element = byId(`tile-${name}`)
  setText(element, figure)
  setLevel(element, level)
  setText(byId(`note-${name}`), note)
}

function plural(count: number, word: string): string {
  return `${number(count)} ${word}${count === 1 ? '' : 's'}`
}
