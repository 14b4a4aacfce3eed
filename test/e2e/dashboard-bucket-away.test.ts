import { expect, onTestFinished, test } from 'vitest'
import { startBrowser } from '../support/browser.js'
import { openDashboard } from '../support/dashboard-page.js'
import { connectGateway } from '../support/gateways.js'
import { startServer } from '../support/processes.js'
import { freshPrefix } from '../support/redis.js'
import { startRedisCluster } from '../support/redis-cluster.js'

/** As test/unit/bucketed-store.test.ts has it. */
const BUCKET_OF = { acme: 11, globex: 4 }

test('the page says how many buckets are away and shows the orgs of all others, until all are back', async () => {
  const browser = await startBrowser()
  onTestFinished(() => browser.close())
  const cluster = await startRedisCluster()
  onTestFinished(() => cluster.stop())
  const [lost, other] = await Promise.all([BUCKET_OF.acme, BUCKET_OF.globex].map((bucket) => cluster.primaryOf(bucket)))
  if (lost === other) await cluster.moveBucket(BUCKET_OF.acme, cluster.servers.find((each) => each !== lost)!)
  const env = { REDIS_URL: cluster.url, HEADCOUNT_KEY_PREFIX: freshPrefix(), HEADCOUNT_RENEW_INTERVAL: '500ms' }
  const server = await startServer({ env })
  onTestFinished(() => server.stop())
  for (const org of Object.keys(BUCKET_OF)) {
    const held = await connectGateway(server.url, { key: `demo-key-${org}` })
    if (!held.accepted) throw new Error(JSON.stringify(held.body))
    onTestFinished(() => held.terminate())
  }
  const { page, sees } = await openDashboard(browser, server)
  await sees('#org-rows', 'acme')
  await sees('#org-rows', 'globex')
  expect(await page.locator('#buckets-away').isVisible()).toBe(false)
  const gone = await cluster.primaryOf(BUCKET_OF.acme)
  await gone.pause()
  await sees('#buckets-away', /^\d of 16 buckets away: their orgs are not shown/)
  await sees('#org-rows', /^(?!.*acme).*globex/s)
  await sees('#feed', 'live')
  await gone.resume()
  await sees('#org-rows', 'acme', 30_000)
  expect(await page.locator('#buckets-away').isVisible()).toBe(false)
}, 400_000)
