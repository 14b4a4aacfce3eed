import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type Browser, startBrowser } from '../support/browser.js'
import { openDashboard } from '../support/dashboard-page.js'
import { startServer } from '../support/processes.js'
import { startRedis } from '../support/redis.js'
import { until } from '../support/until.js'

let browser: Browser

beforeAll(async () => {
  browser = await startBrowser()
}, 400_000)
afterAll(() => browser?.close())

test('the page says in what the nodes differ, until they no longer do', async () => {
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  const env = { REDIS_URL: redis.url, HEADCOUNT_RENEW_INTERVAL: '500ms', HEADCOUNT_LEASE_TTL: '6s' }
  const server = await startServer({ env })
  onTestFinished(() => server.stop())
  const { page, complaints, sees } = await openDashboard(browser, server)
  await sees('#fact-nodes', '1')
  expect(await page.locator('#nodes-differ').isVisible()).toBe(false)
  const other = await startServer({ env: { ...env, WS_MAX_CONNECTIONS_PER_ORG: '5' } })
  onTestFinished(() => other.stop())
  await sees('#nodes-differ', 'Settings differ: limits.org.', 30_000)
  expect(await page.locator('#nodes-differ').innerText()).not.toContain('Versions')
  await other.stop()
  await until(async () => !(await page.locator('#nodes-differ').isVisible()), { withinMs: 30_000 })
  expect(complaints).toEqual([])
}, 400_000)

test('a page that is opened while Redis is away does not say that nobody holds a connection', async () => {
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  const server = await startServer({ env: { REDIS_URL: redis.url, HEADCOUNT_RENEW_INTERVAL: '500ms' } })
  onTestFinished(() => server.stop())
  await redis.pause()
  const { page, sees } = await openDashboard(browser, server, { token: '' })
  await page.locator('#token').fill(server.adminToken)
  await page.keyboard.press('Enter')
  await sees('#feed', /connecting \(the store did not answer/)
  expect(await page.locator('#org-rows').innerText()).not.toContain('No org')
  expect(await page.locator('#nodes').innerText()).not.toContain('No node')
  await redis.resume()
  await sees('#org-rows', 'No org holds a connection', 30_000)
}, 400_000)
