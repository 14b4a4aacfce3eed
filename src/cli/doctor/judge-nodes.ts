import { orgsOverLimit } from '../cluster/bound-orgs.js'
import { type Away, awayFor, awayWords } from '../cluster/buckets-away.js'
import { lostBy } from '../cluster/lost-by.js'
import { refusedLately } from '../cluster/refused-lately.js'
import type { Source } from '../cluster/source.js'
import { wholeOf } from '../cluster/whole.js'
import { counted } from '../terminal/counted.js'
import { duration } from '../terminal/words.js'
import type { Finding, FindingCode } from './findings.js'
import { judgeSettings } from './judge-settings.js'

const MOST_NOTES = 1_000
const REFUSED = {
  STORE_UNAVAILABLE: 'NEWCOMERS_REFUSED',
  NODE_CAPACITY_EXCEEDED: 'NODE_FULL',
  IDENTITY_UNAVAILABLE: 'IDENTITY_AWAY',
} as const

/** What is wrong as the nodes see it, by the admin API of one. */
export async function judgeNodes(source: Source): Promise<{ findings: Finding[]; skipped: string[] }> {
  const [{ nodes, orgs, notes = [], ...whole }, stats] = await Promise.all([
    wholeOf(source, MOST_NOTES),
    source.stats(),
  ])
  const away = awayFor(whole.away, stats ?? {})
  const lost = stats ? lostBy(stats.node) : []
  const findings = judgeBuckets(away, lost === 'all' ? [] : lost, stats?.node.name ?? '')
  const find = (code: FindingCode, subject: string, detail: string) => void findings.push({ code, subject, detail })
  if (stats) {
    const { name, recoveryMs, keyFileUsable } = stats.node
    if (lost === 'all') find('NODE_WITHOUT_STORE', name, 'cannot have admissions decided')
    if (stats.store.startsWith('embedded')) find('EMBEDDED_STORE', name, 'keeps its counts to itself')
    if (keyFileUsable === false) find('KEY_FILE_UNUSABLE', name, 'its key file cannot be used')
    if (recoveryMs > 0) find('RECOVERING', name, `its newcomers wait for ${duration(recoveryMs)} at least`)
  }
  for (const { name, leaseExpiresInMs, heartbeatAgeMs = 0, late } of nodes) {
    if (leaseExpiresInMs <= 0) find('LEASE_LAPSED', name, 'its lease has lapsed')
    else if (late)
      find('NODE_LATE', name, `silent for ${duration(heartbeatAgeMs)}, its lease ends in ${duration(leaseExpiresInMs)}`)
  }
  findings.push(...judgeSettings(nodes))
  const { over, unseen } = await orgsOverLimit(source, orgs)
  for (const { orgId, currentCount, maxAllowed } of over) {
    find('ORG_OVER_LIMIT', `org ${orgId}`, `${currentCount} of ${maxAllowed}`)
  }
  for (const { code, node, count } of refusedLately(notes, stats?.node)) {
    find(REFUSED[code], node, `${counted(count, 'newcomer')} within a minute: ${code}`)
  }
  const skipped = unseen > 0 ? [`${counted(unseen, 'more org')} that may hold more than allowed`] : []
  if (away.bucketsAway) skipped.push(`the orgs of ${awayWords(away)}`)
  return { findings, skipped }
}

/** Those that nobody reaches, and those in which the node that was asked alone can decide nothing. */
function judgeBuckets({ bucketsAway = [] }: Away, lost: readonly number[], name: string): Finding[] {
  const all = [...new Set([...bucketsAway, ...lost])].sort((one, other) => one - other)
  return all.map((bucket): Finding => {
    const detail = bucketsAway.includes(bucket) ? 'does not answer' : `${name} can have no admissions decided there`
    return { code: 'BUCKET_AWAY', subject: `bucket ${bucket}`, detail }
  })
}
