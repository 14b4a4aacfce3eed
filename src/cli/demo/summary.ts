import { counted } from '../terminal/counted.js'
import { safe } from '../terminal/safe-text.js'
import type { DemoCluster } from './cluster.js'
import type { DemoOrg } from './orgs.js'
import { DEMO_TIERS } from './orgs.js'
import type { DemoTraffic } from './traffic.js'

export interface OrgCount {
  readonly orgId: string
  readonly currentCount: number
  readonly maxAllowed: number | 'unlimited'
}

/** The demo in a few lines: what is open, who was refused and why, which nodes run, and whether every limit holds. */
export function summary(
  cluster: DemoCluster,
  traffic: DemoTraffic,
  orgs: readonly DemoOrg[],
  counts: readonly OrgCount[] | undefined,
): string {
  const { accepted, refused, closed } = traffic.tally
  const nodes = cluster.nodes.map(({ name, process }) => `${name} ${process.running ? 'up' : 'DOWN'}`).join('   ')
  return [
    `nodes     ${nodes}`,
    `gateways  ${traffic.gateways} of ${orgs.length} orgs; ${traffic.held} connected, ${accepted} admitted so far`,
    `refused   ${listed(refused) || 'nobody yet'}`,
    `closed    ${listed(closed) || 'nobody yet'}`,
    counts === undefined ? 'limits    no node can say just now' : `limits    ${limitsLine(counts)}`,
  ].join('\n')
}

function limitsLine(counts: readonly OrgCount[]): string {
  const over = counts.filter(({ currentCount, maxAllowed }) => maxAllowed !== 'unlimited' && currentCount > maxAllowed)
  const full = counts.filter(({ currentCount, maxAllowed }) => currentCount === maxAllowed)
  const verdict = over.length === 0 ? 'every org is within its limit' : `OVER: ${over.map(shown).join(', ')}`
  return `${counted(full.length, 'org at its limit', 'orgs at their limit')}; ${verdict}`
}

function shown({ orgId, currentCount, maxAllowed }: OrgCount): string {
  return `${safe(orgId)} ${currentCount}/${maxAllowed}`
}

function listed(counts: ReadonlyMap<string | number, number>): string {
  return [...counts].map(([what, count]) => `${what} ${count}`).join('   ')
}

/** Where to look, and what to try while it runs. */
export function introduction(cluster: DemoCluster): string {
  const [first] = cluster.nodes
  const headcount = 'npm run -s headcount --'
  return [
    cluster.shared
      ? `Three nodes on one Redis (${cluster.storeUrl}, keys under ${cluster.keyPrefix}).`
      : 'No redis-server on the PATH and no --redis: ONE node, with the embedded store. Limits hold in it alone.',
    `Limits are ${Object.values(DEMO_TIERS).join(', ')}, by tier; a third of the orgs want more than they may, and`,
    'noisy-neighbour asks again at once, whatever it is told.',
    '',
    `dashboard  ${first!.adminUrl}/`,
    `token      ${cluster.adminToken}`,
    '',
    'Try, in another terminal:',
    `  export HEADCOUNT_ADMIN_URL=${first!.adminUrl} ADMIN_TOKEN=${cluster.adminToken}`,
    `  ${headcount} orgs`,
    `  ${headcount} limit set org-02 1 --for 1m`,
    `  ${headcount} evict noisy-neighbour`,
    `  ${headcount} connect --url ${first!.url.origin} --key demo-key-2 -n 5`,
    '',
    // In a Redis that was given there remain the keys of a cluster without nodes; the demo's own ends with it.
    `Ctrl-C ends it. No process and no slot is left, in a Redis of yours a few empty tables under ${cluster.keyPrefix}.`,
    '',
  ].join('\n')
}
