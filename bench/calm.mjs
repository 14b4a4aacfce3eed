import { setTimeout as sleep } from 'node:timers/promises'
import { value } from './headcount.mjs'
import { BEAT } from './settings.mjs'

const AUDIT_MS = 30_000
const PAGE = 64

/** What nodes do for so long while nothing happens, one node after the other. Resolves to the number of renewals. */
export function renewals({ wiring: { connection, fenceOf } }, { nodes }, forMs) {
  return paced(forMs, BEAT.renewMs / nodes, async (turn) => value(await connection.renew(fenceOf({ node: turn }))))
}

/** Page by page of one node's index after the other's. Resolves to the number of connections that were looked at. */
export async function audits(ours, { nodes, orgs, connectionsPerOrg }, forMs) {
  let [node, looked] = [0, 0]
  let page = { cursor: '0', slots: [] }
  await paced(forMs, (AUDIT_MS * PAGE) / (orgs * connectionsPerOrg), async () => {
    page = await ours.auditPage(node, page)
    looked += page.looked
    if (page.cursor === '0') node = (node + 1) % nodes
  })
  return looked
}

/** Calls `work` with 0, 1, 2, … every `everyMs` for so long; what is late is caught up with. Resolves to how often. */
export async function paced(forMs, everyMs, work) {
  const startMs = performance.now()
  let turn = 0
  for (; turn * everyMs < forMs; turn++) {
    const earlyMs = startMs + turn * everyMs - performance.now()
    if (earlyMs > 0) await sleep(earlyMs)
    await work(turn)
  }
  await sleep(Math.max(0, startMs + forMs - performance.now()))
  return turn
}
