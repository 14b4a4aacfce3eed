import { orgsOverLimit } from '../bound-orgs.js'
import { counted } from '../counted.js'
import { refusedLately } from '../refused-lately.js'
import type { Source } from '../source.js'
import { duration } from '../words.js'
import type { Finding, FindingCode } from './findings.js'

const MOST_NOTES = 1_000
const REFUSED = { STORE_UNAVAILABLE: 'NEWCOMERS_REFUSED', NODE_CAPACITY_EXCEEDED: 'NODE_FULL' } as const

/** What is wrong as the nodes see it, by the admin API of one. */
export async function judgeNodes(source: Source): Promise<{ findings: Finding[]; skipped: string[] }> {
  const [nodes, orgs, notes, stats] = await Promise.all([
    source.nodes(),
    source.orgs(),
    source.refusals({ limit: MOST_NOTES }),
    source.stats(),
  ])
  const findings: Finding[] = []
  const find = (code: FindingCode, subject: string, detail: string) => void findings.push({ code, subject, detail })
  if (stats) {
    const { name, storeReachable, recoveryMs, keyFileUsable } = stats.node
    if (!storeReachable) find('NODE_WITHOUT_STORE', name, 'cannot have admissions decided')
    if (stats.store.startsWith('embedded')) find('EMBEDDED_STORE', name, 'keeps its counts to itself')
    if (keyFileUsable === false) find('KEY_FILE_UNUSABLE', name, 'its key file cannot be used')
    if (recoveryMs > 0) find('RECOVERING', name, `its newcomers wait for ${duration(recoveryMs)} at least`)
  }
  for (const { name, leaseExpiresInMs, heartbeatAgeMs = 0, late } of nodes) {
    if (leaseExpiresInMs <= 0) find('LEASE_LAPSED', name, 'its lease has lapsed')
    else if (late)
      find('NODE_LATE', name, `silent for ${duration(heartbeatAgeMs)}, its lease ends in ${duration(leaseExpiresInMs)}`)
  }
  const { over, unseen } = await orgsOverLimit(source, orgs)
  for (const { orgId, currentCount, maxAllowed } of over) {
    find('ORG_OVER_LIMIT', `org ${orgId}`, `${currentCount} of ${maxAllowed}`)
  }
  for (const { code, node, count } of refusedLately(notes, stats?.node)) {
    find(REFUSED[code], node, `${counted(count, 'newcomer')} within a minute: ${code}`)
  }
  const skipped = unseen > 0 ? [`${counted(unseen, 'more org')} that may hold more than allowed`] : []
  return { findings, skipped }
}
