import { onTestFinished } from 'vitest'
import type { Browser, Page } from './browser.js'
import type { ServerProcess } from './processes.js'
import { until } from './until.js'

export interface DashboardOptions {
  readonly colorScheme?: 'light' | 'dark'
  /** The page of an org; the overview where absent. */
  readonly org?: string
  readonly token?: string
  /** In CSS pixels; 1280 × 720 where absent. */
  readonly viewport?: { readonly width: number; readonly height: number }
}

/** The dashboard as one operator sees it, in a tab of its own that is closed with the test. */
export interface Dashboard {
  readonly page: Page
  /** What the page wrote to the console as a warning or an error, refused resources included. */
  readonly complaints: readonly string[]
  /** All that the page asked for. */
  readonly requests: readonly string[]
  /** Waits until an element's text has this in it. */
  sees(selector: string, text: string | RegExp, withinMs?: number): Promise<void>
}

const LAPTOP = { width: 1280, height: 720 }

/** Opens the dashboard of a node and signs in, unless the token is ''. */
export async function openDashboard(
  browser: Browser,
  server: ServerProcess,
  { colorScheme = 'light', org, token = server.adminToken, viewport = LAPTOP }: DashboardOptions = {},
): Promise<Dashboard> {
  const context = await browser.newContext({ viewport, colorScheme })
  onTestFinished(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const complaints: string[] = []
  const requests: string[] = []
  page.on('console', (message) => {
    if (['warning', 'error'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('request', (request) => requests.push(request.url()))
  await page.goto(`${server.adminUrl}/${org === undefined ? '' : `#/org/${encodeURIComponent(org)}`}`)
  const dashboard: Dashboard = {
    ...{ page, complaints, requests },
    async sees(selector, text, withinMs = 15_000) {
      const fits = (seen: string) => (typeof text === 'string' ? seen.includes(text) : text.test(seen))
      const element = page.locator(selector)
      await until(async () => fits(await element.innerText()), { withinMs, what: `${selector} has ${text}` }).catch(
        async (error: Error) => {
          const seen = await element.innerText().catch(() => 'nothing')
          throw new Error(`${error.message}; it has ${JSON.stringify(seen)}`, { cause: error })
        },
      )
    },
  }
  if (token !== '') {
    await page.locator('#token').fill(token)
    await page.keyboard.press('Enter')
    await dashboard.sees('#feed', 'live')
  }
  return dashboard
}
