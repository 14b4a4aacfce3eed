// Brings docker-compose.yml up with a real engine and tries on it what the documentation says:
//
//   node deploy/compose/check.mjs          leaves nothing behind
//   node deploy/compose/check.mjs --keep   leaves the stack running
//
// HEADCOUNT_BUILD_NETWORK=host builds the image with the host's network, where the engine's own reaches no registry.
// Prints one line a check and a verdict; exits with 1 if any failed. Shares no code with the product but `ws`.
import { setTimeout as sleep } from 'node:timers/promises'
import { gateways } from './check-clients.mjs'
import { compose, containersOf, down, engine, up } from './check-engine.mjs'

const LIMIT = 3
const CLIENTS = 200
const ADMIN = `http://127.0.0.1:${process.env.HEADCOUNT_ADMIN_PORT ?? 8081}`
/** T + R and the retries of the clients: after a crash every slot is taken again within this. */
const RECOVERED_MS = 45_000

let failed = 0
function verdict(what, ok, figure) {
  if (!ok) failed++
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${what}${figure === undefined ? '' : `: ${figure}`}`)
}

async function within(ms, what, condition) {
  const startMs = performance.now()
  let last
  while (performance.now() - startMs < ms) {
    last = await condition().catch((error) => error)
    if (last === true) return verdict(what, true, `${((performance.now() - startMs) / 1_000).toFixed(1)} s`)
    await sleep(200)
  }
  verdict(what, false, `not within ${ms / 1_000} s (${last})`)
}

async function admin(path) {
  const headers = { authorization: `Bearer ${process.env.ADMIN_TOKEN ?? 'compose-only-token'}` }
  const response = await fetch(`${ADMIN}/admin/v1${path}`, { headers, signal: AbortSignal.timeout(2_000) })
  if (!response.ok) throw new Error(`${path} answered ${response.status}`)
  return response.json()
}

const inStore = async () => (await admin('/orgs/acme')).currentCount === LIMIT && clients.open === LIMIT
const exact = (what) => verdict(`${what}: never more than ${LIMIT} open at once`, clients.most <= LIMIT, clients.most)

await up()
const clients = gateways({ count: CLIENTS, key: 'demo-key-acme' })
try {
  await within(60_000, `of ${CLIENTS} clients through one port, ${LIMIT} are in, and Redis says so`, inStore)
  await within(5_000, 'three nodes have a lease', async () => (await admin('/nodes')).nodes.length === 3)
  verdict(
    'who is refused is told 429, count and limit',
    clients.refused.some(
      ({ status, currentCount, maxAllowed }) => status === 429 && currentCount === LIMIT && maxAllowed === LIMIT,
    ),
  )

  // One that holds a slot, or there is nothing to take again. A node is named after its container.
  const [{ node }] = (await admin('/orgs/acme/connections')).connections
  const victim = (await containersOf('app')).find((container) => container.startsWith(node.split('#')[0]))
  const lost = clients.closed
  await engine('kill', '-s', 'KILL', victim)
  await within(
    RECOVERED_MS,
    'kill -9 of a replica that held some: all slots are taken again',
    async () => clients.closed > lost && (await inStore()),
  )
  exact('kill -9')
  await engine('start', victim)
  await within(30_000, 'the replica is back', async () => (await admin('/nodes')).nodes.length === 3)

  const before = clients.closed
  await compose('restart', '-t', '1', 'redis')
  await within(30_000, 'Redis restarted: the slots are told to it again', inStore)
  verdict('Redis restarted: nobody was disconnected', clients.closed === before, `${clients.closed - before} closed`)
  exact('Redis restarted')

  for (const container of await containersOf('app')) {
    await engine('restart', '-t', '30', container)
    await within(RECOVERED_MS, `rolling restart of ${container.slice(0, 12)}: all slots are taken again`, inStore)
  }
  exact('rolling restart')
  verdict('no attempt went without an answer', clients.unanswered === 0, `${clients.unanswered} unanswered`)

  await clients.stop()
  await within(70_000, 'all clients gone: no slot is left', async () => (await admin('/orgs/acme')).currentCount === 0)
} finally {
  await clients.stop()
  if (!process.argv.includes('--keep')) await down()
}
console.log(failed === 0 ? 'The stack does what the documentation says.' : `${failed} checks failed.`)
process.exitCode = failed === 0 ? 0 : 1
