import type { ChaosRecord, Effect } from '../records.js'

/** A time in which something was not as it should be; without a node it concerns all of them, and without orgs all orgs. */
export interface Window {
  readonly effect: Effect
  readonly node: number | undefined
  readonly orgs: ReadonlySet<string> | undefined
  readonly beginMs: number
  readonly endMs: number
}

/** What the records of faults say was done to whom, in the order of the beginnings. */
export function windowsOf(records: readonly ChaosRecord[]): Window[] {
  type Growing = { -readonly [K in keyof Window]: Window[K] }
  const open = new Map<string, Growing>()
  const windows: Growing[] = []
  const lostWhileAway: (Omit<Window, 'endMs'> & { readonly away: Growing })[] = []
  for (const record of records) {
    if (record.is !== 'effect') continue
    const { effect, node, phase, t } = record
    const orgs = record.orgs && new Set(record.orgs)
    const key = `${effect} ${node}`
    if (phase === 'end') {
      const window = open.get(key)
      if (!window) throw new Error(`'${effect}' of node ${node} ended at ${t} without a beginning`)
      window.endMs = t
      open.delete(key)
      continue
    }
    if (open.has(key)) throw new Error(`'${effect}' of node ${node} began at ${t} a second time`)
    // What has no end yet lasts until the records end. A loss is a moment, or as long as the store is away for it.
    const away = windows.find((one) => one.effect === 'store-away' && one.endMs === Number.POSITIVE_INFINITY)
    if (effect === 'store-lost' && away) {
      lostWhileAway.push({ effect, node, orgs, beginMs: t, away })
      continue
    }
    const window = { effect, node, orgs, beginMs: t, endMs: effect === 'store-lost' ? t : Number.POSITIVE_INFINITY }
    windows.push(window)
    if (effect !== 'store-lost') open.set(key, window)
  }
  for (const { away, ...lost } of lostWhileAway) windows.push({ ...lost, endMs: away.endMs })
  return windows.sort((a, b) => a.beginMs - b.beginMs)
}
