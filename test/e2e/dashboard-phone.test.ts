import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Browser, type Page, startBrowser } from '../support/browser.js'
import { openDashboard } from '../support/dashboard-page.js'
import { type Fleet, startFleet } from '../support/fleet.js'
import { type Accepted, connectGateway } from '../support/gateways.js'
import { until } from '../support/until.js'

const PHONE = { width: 390, height: 844 }
/** As long as ids get in practice. */
const ORG = 'warehouse-gateways-of-the-northern-region-production'
/** More than a screen of them. */
const LISTED = 24

let fleet: Fleet
let browser: Browser

beforeAll(async () => {
  browser = await startBrowser()
  fleet = await startFleet({ count: 1, orgs: [ORG] })
}, 400_000)

afterAll(async () => {
  await fleet?.stop()
  await browser?.close()
})

const connect = () => connectGateway(fleet.urls[0]!, { key: fleet.keyOf(ORG) })

/** Fills the org. */
async function fill(): Promise<Accepted[]> {
  const held = (await Promise.all([connect(), connect(), connect()])).filter((result) => result.accepted)
  onTestFinished(async () => void (await Promise.all(held.map((one) => one.close()))))
  expect(held).toHaveLength(3)
  return held
}

/** What sticks out of the window or lies over another element of the strip, by its id or text. */
function misplaced(page: Page): Promise<string[]> {
  return page.evaluate(MISPLACED)
}

// First, while nobody else has been refused.
test('the tile of refusals has those of the list at once, until a minute was watched', async () => {
  await fill()
  await Promise.all([connect(), connect()])
  const { sees } = await openDashboard(browser, fleet.nodes[0]!)
  await sees('#tile-refused', /^2$/)
  await sees('#note-refused', 'or more; watched for')
})

describe('on a phone', () => {
  test('the overview fits its width, nothing overlaps, and a list of many refusals scrolls in itself', async () => {
    await fill()
    const { page, complaints, sees } = await openDashboard(browser, fleet.nodes[0]!, { viewport: PHONE })
    await sees('#org-rows', ORG)
    await sees('#fact-node', /node/)
    // A node hands on a few of them a second.
    await until(async () => {
      await Promise.all(Array.from({ length: 8 }, connect))
      return (await page.locator('#refusals li').count()) >= LISTED
    })
    expect(await misplaced(page)).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollHeight')).toBeLessThan(2_400)
    expect(complaints).toEqual([])
  })

  test('each connection of an org is a card, whose button is in sight and works', async () => {
    const held = await fill()
    const { page, sees } = await openDashboard(browser, fleet.nodes[0]!, { viewport: PHONE, org: ORG })
    for (const { ack } of held) await sees('#holder-rows', ack.connectionId)
    expect(await page.evaluate(LABELS)).toEqual(['Connection', 'Gateway', 'Instance', 'Node', 'Address', 'Age'])
    expect(await misplaced(page)).toEqual([])
    const { connectionId } = held[0]!.ack
    const button = page.getByRole('button', { name: `Disconnect ${connectionId}` })
    const { x, width } = (await button.boundingBox())!
    expect(x).toBeGreaterThanOrEqual(0)
    expect(x + width).toBeLessThanOrEqual(PHONE.width)
    await button.click()
    await page.locator('#confirm button[type=submit]').click()
    expect((await held[0]!.closed).code).toBe(4409)
    await sees('#result', `${connectionId} was told to close`)
    expect(await misplaced(page)).toEqual([])
  })

  test('control: what sticks out or lies over something is found', async () => {
    const { page } = await openDashboard(browser, fleet.nodes[0]!, { viewport: PHONE })
    await page.evaluate(`document.querySelector('#theme').style.width = '600px'`)
    expect(await misplaced(page)).toContain('the page')
    await page.evaluate(`document.querySelector('#theme').style.cssText = 'position: absolute; left: 20px; top: 10px'`)
    expect((await misplaced(page)).join()).toContain('theme')
  })
})

test('what the dialog of a limit says of those who are too many is true under each policy', async () => {
  const { page, sees } = await openDashboard(browser, fleet.nodes[0]!, { org: ORG })
  await page.getByRole('button', { name: 'Set limit…' }).click()
  await sees('#limit', 'stays, unless the nodes are set to close them (HEADCOUNT_ON_LIMIT_LOWERED)')
})

/** What stands before the values of the first card. */
const LABELS = `[...document.querySelector('#holder-rows tbody tr').cells]
  .map((cell) => getComputedStyle(cell, '::before').content.match(/^"(\\w+)/)?.[1]).filter(Boolean)`

const MISPLACED = `(() => {
  const wide = document.documentElement.scrollWidth > innerWidth ? ['the page'] : []
  const visible = [...document.querySelectorAll('body *')].filter((e) => e.checkVisibility() && e.getClientRects().length > 0)
  const name = (e) => e.id || e.textContent.trim().slice(0, 40)
  // What is cut off by an ellipsis is meant to be; a button is not.
  const out = visible.filter((e) => e.matches('button, input, h2') && e.getBoundingClientRect().right > innerWidth + 0.5)
  const parts = visible.filter((e) => e.closest('.strip') && e.matches('h1, .feed, .facts > div, button'))
  const over = parts.filter((one) => parts.some((other) => {
    const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()]
    return one !== other && a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1
  }))
  return [...wide, ...[...out, ...over].map(name)]
})()`
