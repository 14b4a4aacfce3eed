import { systemClock } from '../../core/clock.js'
import { type Difference, type Differing, settingDifferences, versionDifference } from '../cluster/differences.js'
import { duration } from '../terminal/words.js'
import type { Finding } from './findings.js'

/** A deploy node by node shows all that it changes as a difference, and is over by then. */
const DEPLOY_MS = 3_600_000
const MOST_NAMES = 3

/** What should be the same on all nodes that live, and is not. */
export function judgeSettings(nodes: readonly Differing[]): Finding[] {
  const nowMs = systemClock.wallMs()
  const found = [...settingDifferences(nodes)].map(([subject, difference]): Finding => {
    const isOld = nowMs - difference.sinceMs >= DEPLOY_MS
    return { code: isOld ? 'SETTINGS_DIFFER' : 'SETTINGS_CHANGING', subject, detail: detailOf(difference, nowMs) }
  })
  const versions = versionDifference(nodes)
  if (versions) found.push({ code: 'VERSIONS_DIFFER', subject: '', detail: detailOf(versions, nowMs) })
  return found
}

function detailOf({ sides, sinceMs }: Difference, nowMs: number): string {
  const each = sides.map(({ value, nodes }) => `${value} on ${namesOf(nodes)}`)
  return [...each, ...(sinceMs > 0 ? [`for ${duration(nowMs - sinceMs)}`] : [])].join('; ')
}

function namesOf(nodes: readonly string[]): string {
  const more = nodes.length - MOST_NAMES
  const names = nodes.slice(0, MOST_NAMES).join(', ')
  return more > 0 ? `${names} and ${more} more` : names
}
