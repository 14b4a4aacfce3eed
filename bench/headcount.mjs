import { systemClock } from '../dist/core/clock.js'
import { ConnectionIds } from '../dist/core/connection-id.js'
import { newEpoch, newLease, newSecret } from '../dist/core/ids.js'
import { leaseTiming } from '../dist/core/lease-timing.js'
import { claimOf as claimOfNode } from '../dist/node/held/claim-of.js'
import { MAX_ITEMS } from '../dist/store/lease-store.js'
import { RedisStore } from '../dist/store/redis/store.js'
import { BEAT } from './settings.mjs'

/** Deadlines are generous here: a slow machine must give a slow number, not an abort. */
const TIMING = leaseTiming({ ttlMs: 30_000, renewIntervalMs: BEAT.renewMs, callTimeoutMs: 5_000 })
/** An audit looks into the sets of so small a part of the connections (src/node/auditor.ts). */
const AUDIT_ROUNDS = 20

/**
 * headcount through the store connection that a node uses, with the real script: `nodes` leases, each with its share
 * of the connections. A batch is one call of one node. `scopesOf` an item are limits that each connection which is there
 * from the beginning counts against beside its org's; `detailsOf` it is what the store keeps of it for operators.
 */
export async function headcount({
  url,
  prefix,
  nodes,
  name = 'headcount',
  scopesOf = () => [],
  detailsOf = detailsOfNode,
}) {
  const store = new RedisStore({ url, timing: TIMING, clock: systemClock, keyPrefix: prefix, recovery: false })
  const connection = value(await store.connect())
  const fences = []
  for (let node = 0; node < nodes; node++) fences.push(await hello(connection, node))

  const ids = new ConnectionIds()
  const fenceOf = (item) => fences[item.node % nodes]
  const claimOf = (item, limit, scopes = []) => ({
    id: ids.next(fenceOf(item).lease),
    scopes: [{ name: 'org', id: item.org, limit }, ...scopes],
    details: detailsOf(item),
  })
  const wiring = { connection, fenceOf, claimOf }
  return {
    name,
    wiring,
    commands: { acquire: 'evalsha', refuse: 'evalsha', release: 'evalsha', beat: 'evalsha' },
    async populate(orgs) {
      const shares = Array.from({ length: nodes }, () => [])
      for (const { org, index, ids } of orgs) {
        ids.forEach((id, i) => {
          const node = (index + i) % nodes
          shares[node].push({ org, id, node, roomy: 1e6 })
        })
      }
      const filling = admissions({ ...wiring, scopesOf })
      for (const share of shares) {
        for (let i = 0; i < share.length; i += MAX_ITEMS) await filling.acquire(share.slice(i, i + MAX_ITEMS))
        await this.renewAll()
      }
    },
    ...admissions(wiring),
    /** One heartbeat of every node. Resolves to the number of leases that live. */
    async renewAll() {
      const replies = await Promise.all(fences.map((fence) => connection.renew(fence)))
      return value(replies[0]).liveNodes
    },
    /**
     * Compares one page of a node's index, as a periodic audit does: the sets of one connection in twenty with it.
     * Resolves to the number of entries looked at.
     */
    async auditPage(node, page) {
      const { cursor, entries } = value(await connection.audit(fences[node], page.cursor, page.slots))
      return { cursor, slots: entries.filter((_, i) => i % AUDIT_ROUNDS === 0), looked: entries.length }
    },
    close: () => store.close(),
  }
}

/** What a node tells of a connection under the limit of 3. */
function detailsOfNode({ org, node }) {
  const request = { org, gateway: `gateway-${node}`, address: '10.20.30.40' }
  return claimOfNode(request, { connectionsPerOrg: 3 }, { id: '', sinceMs: Date.parse('2026-11-22T17:40:44.096Z') })
    .details
}

/** The three operations, with `scopesOf` an item beside its org. `ask` is acquire, or what stands in its place. */
export function admissions({
  connection,
  fenceOf,
  claimOf,
  scopesOf = () => [],
  ask = connection.acquire.bind(connection),
}) {
  const held = new Map()
  const take = async (items, limit) => {
    const claims = items.map((item) => claimOf(item, limit, scopesOf(item)))
    const verdicts = value(await ask(fenceOf(items[0]), claims, items))
    verdicts.forEach((verdict, i) => {
      if (verdict.admitted) held.set(items[i].id, claims[i])
    })
    return verdicts.map((verdict) => verdict.admitted)
  }
  return {
    held,
    acquire: (items) => take(items, items[0].roomy),
    refuse: (items) => take(items, items[0].full),
    async release(items) {
      const slots = items.map(({ id }) => held.get(id))
      value(await connection.release(fenceOf(items[0]), slots))
      for (const { id } of items) held.delete(id)
      return items.map(() => true)
    },
  }
}

async function hello(connection, node) {
  const lease = newLease()
  const { epoch } = value(
    await connection.hello({
      lease,
      generation: 1,
      proposedEpoch: newEpoch(),
      proposedSecret: newSecret(),
      reasserting: false,
      nodeInfo: JSON.stringify({ name: `bench-${node}` }),
    }),
  )
  return { lease, generation: 1, epoch }
}

/** What the store answered; throws for anything but an answer. */
export function value(reply) {
  if (reply.status !== 'ok') throw new Error(`the store said ${reply.status}: ${reply.reason ?? reply.cause}`)
  return reply.value
}
