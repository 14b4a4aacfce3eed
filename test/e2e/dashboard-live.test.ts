import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createLimiter } from '../../src/index.js'
import { type Browser, type Page, startBrowser } from '../support/browser.js'
import { openDashboard } from '../support/dashboard-page.js'
import { type Fleet, setNamelessTier, startFleet } from '../support/fleet.js'
import { connectGateway } from '../support/gateways.js'
import { freshPrefix } from '../support/redis.js'
import { until } from '../support/until.js'

const READ_TOKEN = 'may-only-look'
const ORGS = 500
/** Several times what a snapshot takes (3 ms). Where each makes rows for all the orgs anew it is some 50. */
const LONG_MS = 20

let fleet: Fleet
let browser: Browser
const prefix = freshPrefix()

beforeAll(async () => {
  browser = await startBrowser()
  // A lease of 6 s, renewed every 0.5 s: between a missed beat and the end of the lease there is time to look.
  const env = {
    HEADCOUNT_KEY_PREFIX: prefix,
    HEADCOUNT_LEASE_TTL: '6s',
    ADMIN_READ_TOKEN: READ_TOKEN,
    WS_MAX_CONNECTIONS_PER_ORG: '1',
  }
  fleet = await startFleet({ count: 3, env })
}, 400_000)

afterAll(async () => {
  await fleet?.stop()
  await browser?.close()
})

test('a refusal is told in words within seconds, with its request id, there and on the page of the org', async () => {
  const { page, sees } = await openDashboard(browser, fleet.nodes[0]!)
  await sees('#refusals', 'Nobody has been refused')
  const held = await connectGateway(fleet.urls[1]!, { key: fleet.keyOf('acme') })
  const refused = await connectGateway(fleet.urls[1]!, { key: fleet.keyOf('acme') })
  if (!held.accepted || refused.accepted) throw new Error('the limit of 1 did not hold')
  onTestFinished(async () => void (await held.close()))
  const requestId = String(refused.body.instance).replace('urn:uuid:', '')
  await sees('#refusals', /acme: full, 1 of 1/)
  await sees('#refusals', requestId)
  await sees('#tile-full', /^1$/)
  await sees('#tile-refused', /^[1-9]/)
  await page.locator('#refusals a').first().click()
  await sees('#org-refusals', requestId)
  // Who comes later is told of it too.
  const later = await openDashboard(browser, fleet.nodes[2]!)
  await later.sees('#refusals', requestId)
})

test('an org in a tier of which nobody has said the name is said to be in its tier', async () => {
  onTestFinished(await setNamelessTier(fleet, 'nameless', 5, prefix))
  const { page, sees } = await openDashboard(browser, fleet.nodes[0]!, { org: 'nameless' })
  await sees('#org-facts', '5, its tier')
  expect(await page.locator('#org-facts').innerText()).not.toContain('null')
})

test('a token that may only look sees no actions, and is told so', async () => {
  const held = await connectGateway(fleet.urls[0]!, { key: fleet.keyOf('globex') })
  if (!held.accepted) throw new Error(JSON.stringify(held.body))
  onTestFinished(async () => void (await held.close()))
  const reader = await openDashboard(browser, fleet.nodes[0]!, { org: 'globex', token: READ_TOKEN })
  await reader.sees('#holder-rows', held.ack.connectionId)
  await reader.sees('.strip', 'may look, not change')
  expect(await reader.page.getByRole('button', { name: /limit|disconnect/i }).count()).toBe(0)
  // Control: the other token sees them.
  const admin = await openDashboard(browser, fleet.nodes[0]!, { org: 'globex' })
  await admin.sees('#holder-rows', held.ack.connectionId)
  await until(async () => (await admin.page.getByRole('button', { name: /limit|disconnect/i }).count()) === 3)
  expect(await admin.page.locator('.strip').innerText()).not.toContain('may look')
})

test('with 500 orgs: the fullest first, each found, and nothing that takes long', async () => {
  const limiter = createLimiter({
    ...{ redis: fleet.redis.url, keyPrefix: prefix, nodeName: 'crowd', limits: { org: 4 } },
    ...{ leaseTtlMs: 6_000, renewIntervalMs: 500, storeTimeoutMs: 2_500 },
  })
  onTestFinished(() => limiter.drain({ withinMs: 1_000 }))
  await limiter.ready()
  const orgs = Array.from({ length: ORGS }, (_, i) => `crowd-${i}`)
  const admitted = await Promise.all(orgs.map((org) => limiter.admit({ org })))
  expect(admitted.every((each) => each.admitted)).toBe(true)

  const { page, sees } = await openDashboard(browser, fleet.nodes[0]!)
  await sees('#orgs-title', `the fullest of ${ORGS}`)
  await page.getByRole('navigation', { name: 'Pages of orgs' }).getByRole('button', { name: 'Next' }).click()
  await sees('#org-pager', `of ${ORGS}`)
  expect(await longestTaskMs(page)).toBeLessThan(LONG_MS)
  await page.locator('#search').fill('crowd-499')
  await sees('#org-rows', 'crowd-499')
  await sees('#org-pager', '1 to 1 of 1')
  // Control: a page that works for longer is found out.
  await page.evaluate('setTimeout(() => { for (let i = 0; i < 1e9; i++) globalThis.i = i }, 100)')
  expect(await longestTaskMs(page)).toBeGreaterThan(LONG_MS)
})

test('a node that is frozen makes its page say that it is stale, and live again afterwards', async () => {
  const node = fleet.nodes[1]!
  const { sees } = await openDashboard(browser, node)
  node.pause()
  onTestFinished(() => node.resume())
  await sees('#feed', /stale: heard \d+ s ago/)
  node.resume()
  await sees('#feed', /^live$/)
})

test('L2: a node that is killed is seen to be silent long before its lease ends, and gone afterwards', async () => {
  const { page, sees } = await openDashboard(browser, fleet.nodes[0]!)
  await sees('#nodes', /node-3\s+0\s+(< 1 s|1 s) ago/)
  fleet.nodes[2]!.kill('SIGKILL')
  await sees('#nodes', /node-3\s+0\s+silent for/)
  expect(await page.locator('#fact-nodes').innerText()).toBe('3')
  await sees('#nodes', /node-3\s+–\s+gone for/, 25_000)
  await sees('#fact-nodes', /^2$/)
})

interface TraceEvent {
  readonly name: string
  readonly pid: number
  readonly tid: number
  /** Microseconds that its thread has had the processor. */
  readonly tdur?: number
  readonly args: { readonly name?: string }
}

/**
 * The longest task of the page while it draws five snapshots, in ms of the processor: however long it takes on a busy machine,
 * those are its own.
 */
async function longestTaskMs(page: Page): Promise<number> {
  await browser.startTracing(page, { categories: ['disabled-by-default-devtools.timeline', '__metadata'] })
  // Each time it draws it says of each bar how wide it is, also where that is the same.
  await page.evaluate(`new Promise((resolve) => {
    let left = 5
    const told = (_, observer) => {
      if (--left > 0) return
      observer.disconnect()
      resolve()
    }
    new MutationObserver(told).observe(document.getElementById('org-rows'), { attributes: true, subtree: true })
  })`)
  const { traceEvents } = JSON.parse(String(await browser.stopTracing())) as { traceEvents: TraceEvent[] }
  const threadOf = ({ pid, tid }: TraceEvent) => `${pid} ${tid}`
  const isMain = ({ name, args }: TraceEvent) => name === 'thread_name' && args.name === 'CrRendererMain'
  const main = new Set(traceEvents.filter(isMain).map(threadOf))
  const tasks = traceEvents.filter((event) => event.name === 'RunTask' && main.has(threadOf(event)))
  return Math.max(...tasks.map(({ tdur = 0 }) => tdur / 1_000))
}
