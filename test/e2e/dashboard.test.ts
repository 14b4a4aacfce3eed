import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Browser, startBrowser } from '../support/browser.js'
import { openDashboard } from '../support/dashboard-page.js'
import { type Fleet, MORTAL, setLimit, startFleet } from '../support/fleet.js'
import { type Accepted, connectGateway } from '../support/gateways.js'
import { until } from '../support/until.js'

/** What an org may be called by a key file, and what a page that built markup from it would run. */
const HOSTILE = [
  '<img src=x onerror="document.title=`taken`">',
  '"><script>document.title=`taken`</script>',
  "javascript:document.title='taken'",
  '__proto__',
  '{{constructor.constructor("document.title=1")()}}',
  'a/b?c#d%',
  '\u202eevil\u202c',
  'x'.repeat(256),
]

let fleet: Fleet
let browser: Browser

beforeAll(async () => {
  // Where Chromium has to be installed first, that takes a while.
  browser = await startBrowser()
  fleet = await startFleet({ count: 2, orgs: ['acme', 'globex', ...HOSTILE], env: MORTAL })
}, 400_000)

afterAll(async () => {
  await fleet?.stop()
  await browser?.close()
})

async function open(org: string, node = 0): Promise<Accepted> {
  const result = await connectGateway(fleet.urls[node]!, { key: fleet.keyOf(org) })
  if (!result.accepted) throw new Error(`refused: ${JSON.stringify(result.body)}`)
  onTestFinished(async () => {
    await result.close()
    await until(async () => {
      const path = `/admin/v1/orgs/${encodeURIComponent(org)}/connections`
      return !JSON.stringify(await fleet.nodes[0]!.admin(path)).includes(result.ack.connectionId)
    })
  })
  return result
}

describe('what is served', () => {
  test('the page needs no token, holds nothing inline, and forbids it too', async () => {
    const response = await fetch(`${fleet.nodes[0]!.adminUrl}/`)
    const html = await response.text()
    expect(response.status).toBe(200)
    expect(html).toContain('<title>headcount</title>')
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|https?:\/\/(?!www\.w3\.org)/)
    const policy = response.headers.get('content-security-policy')?.split('; ') ?? []
    expect(policy).toEqual(
      expect.arrayContaining([
        ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"],
        ...["img-src 'self' data:", "frame-ancestors 'none'"],
      ]),
    )
    expect(policy.join()).not.toContain('unsafe')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  })

  test('every file that it names is there, and is sent again only when it has changed', async () => {
    const { adminUrl } = fleet.nodes[0]!
    const html = await (await fetch(`${adminUrl}/`)).text()
    const paths = [...html.matchAll(/(?:href|src)="(\/dashboard\/[^"]+)"/g)].map((found) => found[1]!)
    expect(paths).toEqual(expect.arrayContaining(['/dashboard/main.js', '/dashboard/style.css']))
    for (const path of new Set(paths)) {
      const response = await fetch(`${adminUrl}${path}`)
      expect(response.status, path).toBe(200)
      expect(response.headers.get('content-type')).toMatch(path.endsWith('.js') ? 'text/javascript' : 'text/css')
      expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
      const again = await fetch(`${adminUrl}${path}`, { headers: { 'if-none-match': response.headers.get('etag')! } })
      expect(again.status).toBe(304)
    }
    expect((await fetch(`${adminUrl}/dashboard/../../package.json`)).status).toBe(404)
  })
})

describe('the first view', () => {
  test.each(['light', 'dark'] as const)(
    '%s, without data: fits 1280 × 720, readable, nothing from elsewhere',
    async (colorScheme) => {
      const { page, complaints, requests, sees } = await openDashboard(browser, fleet.nodes[0]!, { colorScheme })
      await sees('#tile-connections', /^0$/)
      await sees('#org-rows', /No org holds a connection[\s\S]*a key of yours/)
      await sees('#nodes', /node-1[\s\S]*node-2/)
      expect(await page.evaluate(OVERFLOW)).toEqual([0, 0])
      expect(await page.evaluate(LOW_CONTRAST)).toEqual([])
      expect(complaints).toEqual([])
      expect(requests.filter((url) => !url.startsWith(fleet.nodes[0]!.adminUrl) && !url.startsWith('data:'))).toEqual(
        [],
      )
      const ground = await page.evaluate('getComputedStyle(document.body).backgroundColor')
      expect(ground).toBe({ light: 'rgb(244, 246, 248)', dark: 'rgb(14, 19, 24)' }[colorScheme])
    },
  )

  test('control: text that is hard to read and a page that overflows are found', async () => {
    const { page } = await openDashboard(browser, fleet.nodes[0]!)
    await page.evaluate(`document.querySelector('h1 a').style.color = '#ccc'; document.body.style.minHeight = '900px'`)
    expect(await page.evaluate(LOW_CONTRAST)).toEqual([expect.stringContaining('headcount')])
    expect(await page.evaluate(OVERFLOW)).toEqual([180, 0])
  })

  test('the switch wins over the system, and is remembered', async () => {
    const { page } = await openDashboard(browser, fleet.nodes[0]!, { colorScheme: 'dark' })
    const ground = () => page.evaluate('getComputedStyle(document.body).backgroundColor')
    await page.getByRole('button', { name: 'Theme: system' }).click()
    expect(await ground()).toBe('rgb(244, 246, 248)')
    await page.reload()
    await page.getByRole('button', { name: 'Theme: light' }).waitFor()
    expect(await ground()).toBe('rgb(244, 246, 248)')
  })

  test('a wrong token is told, the right one is kept in this tab alone', async () => {
    const { page, sees } = await openDashboard(browser, fleet.nodes[0]!, { token: '' })
    await page.locator('#token').fill('wrong')
    await page.keyboard.press('Enter')
    await sees('#sign-in', 'missing or wrong')
    // What is typed next takes the place of what was wrong.
    await page.keyboard.type(fleet.nodes[0]!.adminToken)
    await page.keyboard.press('Enter')
    await sees('#feed', 'live')
    expect(await page.evaluate('JSON.stringify(localStorage) + document.cookie')).not.toContain(
      fleet.nodes[0]!.adminToken,
    )
    await page.reload()
    await sees('#feed', 'live')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.locator('#sign-in').waitFor()
    expect(await page.evaluate('sessionStorage.length')).toBe(0)
  })
})

describe('an org', () => {
  test('by the keyboard alone: found, opened, given room, one of its connections closed on the other node', async () => {
    const held = [await open('acme', 0), await open('acme', 1), await open('acme', 1)]
    const { page, complaints, sees } = await openDashboard(browser, fleet.nodes[0]!)
    await sees('#org-rows', 'acme')
    await page.keyboard.press('/')
    await page.keyboard.type('ACM')
    await page.keyboard.press('Enter')
    await sees('#org-title', 'acme')
    await sees('#org-count', '3 of 3')
    await sees('#org-facts', '3, the default')
    await sees('#holder-rows', /node-1[\s\S]*node-2[\s\S]*node-2/)
    for (const { ack } of held) await sees('#holder-rows', ack.connectionId)

    const press = async (name: string) => {
      await until(async () => {
        await page.keyboard.press('Tab')
        return (await page.evaluate(FOCUSED)) === name
      })
      await page.keyboard.press('Enter')
    }
    await press('Set limit…')
    await page.keyboard.press('ControlOrMeta+A')
    await page.keyboard.type('4')
    await page.keyboard.press('Tab')
    await page.keyboard.type('1h')
    await page.keyboard.press('Tab')
    await page.keyboard.type('<b>load</b> test')
    await page.keyboard.press('Enter')
    await sees('#result', 'The limit of acme is 4 from now on')
    await sees('#org-facts', /4, set by an operator[\s\S]*until [\d-]+ [\d:]+ [A-Z]{3}[\s\S]*<b>load<\/b> test/)
    await open('acme', 0)
    await sees('#org-count', '4 of 4')

    const victim = held[1]!
    await press(`Disconnect ${victim.ack.connectionId}`)
    // The focus is on Cancel: Return alone closes nothing.
    expect(await page.evaluate(FOCUSED)).toBe('Cancel')
    await press('Disconnect')
    expect((await victim.closed).code).toBe(4409)
    await sees('#result', `${victim.ack.connectionId} was told to close`)
    await sees('#org-count', '3 of 4')

    await press('Take limit back…')
    await press('Take it back')
    await sees('#org-facts', '3, the default')
    await page.keyboard.press('/')
    await sees('#tile-connections', /^3$/)
    expect(complaints).toEqual([])
  })

  test('tells on which node a connection is before the live view has told of any node', async () => {
    await open('globex')
    const { page, sees } = await openDashboard(browser, fleet.nodes[0]!, { org: 'globex', token: '' })
    await page.route('**/admin/v1/events', () => {})
    await page.locator('#token').fill(fleet.nodes[0]!.adminToken)
    await page.keyboard.press('Enter')
    await sees('#holder-rows', /\tnode-1\t/)
  })

  test('what is under way cannot be cancelled, and what is told was done', async () => {
    const { ack, closed } = await open('globex')
    const { page, sees } = await openDashboard(browser, fleet.nodes[0]!, { org: 'globex' })
    let letGo = () => {}
    const wait = new Promise<void>((resolve) => {
      letGo = resolve
    })
    await page.route('**/admin/v1/connections/*', async (route) => {
      await wait
      await route.continue()
    })
    await page.getByRole('button', { name: `Disconnect ${ack.connectionId}` }).click()
    await page.locator('#confirm button[type=submit]').click()
    await until(() => page.locator('#confirm .cancel').isDisabled())
    for (let n = 0; n < 3; n++) {
      await page.keyboard.press('Escape')
      await page.locator('#confirm').waitFor()
    }
    letGo()
    await sees('#result', `${ack.connectionId} was told to close`)
    await page.locator('#confirm').waitFor({ state: 'hidden' })
    expect((await closed).code).toBe(4409)
  })

  test('whose limit cannot be what was typed is told why, in the dialog', async () => {
    const { page, sees } = await openDashboard(browser, fleet.nodes[0]!, { org: 'acme' })
    await page.getByRole('button', { name: 'Set limit…' }).click()
    await page.locator('#limit-for').fill('1 hour')
    await page.locator('#limit button[type=submit]').click()
    await sees('#limit .problem', /^"for" takes a duration above 0 with its unit, such as "1h", not "1 hour"$/)
    await page.locator('#limit-for').fill('')
    await page.locator('#limit .cancel').click()
    await page.locator('#limit').waitFor({ state: 'hidden' })
  })

  test('that may hold nothing and holds something is as full as a node and the CLI say', async () => {
    for (const org of ['acme', 'acme', 'globex', 'globex']) await open(org)
    const { adminUrl, adminToken } = fleet.nodes[0]!
    const headers = { authorization: `Bearer ${adminToken}` }
    for (const [org, limit] of [
      ['acme', 0],
      ['globex', 1],
    ] as const) {
      await setLimit(fleet.nodes[0]!, org, limit)
      const path = `${adminUrl}/admin/v1/orgs/${org}/limit`
      onTestFinished(async () => void (await fetch(path, { method: 'DELETE', headers })))
    }
    const { sees } = await openDashboard(browser, fleet.nodes[0]!)
    await sees('#tile-full', /^2$/)
    await sees('#org-rows tbody', /acme[\s\S]*globex/)
  })

  test('that does not exist, or has no limit, is shown as that', async () => {
    const { sees } = await openDashboard(browser, fleet.nodes[0]!, { org: 'nobody' })
    await sees('#org-count', '0 of 3')
    await sees('#holder-rows', 'Nobody holds a slot')
  })

  test('names that are markup stay text, in the list, on their page and in the address', async () => {
    for (const org of HOSTILE) await open(org)
    const { page, complaints, sees } = await openDashboard(browser, fleet.nodes[0]!)
    await sees('#tile-connections', String(HOSTILE.length))
    for (const org of HOSTILE) {
      await page.locator('#search').fill(org)
      await page.locator('#org-rows a').filter({ hasText: org }).click()
      await until(async () => (await page.locator('#org-title').textContent()) === org)
      await sees('#org-count', '1 of 3')
      await page.locator('.crumbs a').click()
    }
    // The page follows the address when the browser gets to it, not within the click.
    await until(async () => (await page.title()) === 'headcount')
    expect(await page.locator('main img, main script').count()).toBe(0)
    expect(complaints).toEqual([])
  })
})

/** By how many pixels the page is larger than the window. */
const OVERFLOW = `[document.documentElement.scrollHeight - innerHeight, document.documentElement.scrollWidth - innerWidth]`

/** What a screen reader would call the element that has the focus. */
const FOCUSED = `document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent`

/** Visible text whose contrast is below 4.5 : 1 (WCAG 2.2, AA), by the colours as they are computed. */
const LOW_CONTRAST = `(() => {
  const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
  const rgba = (colour) => {
    paint.clearRect(0, 0, 1, 1)
    paint.fillStyle = colour
    paint.fillRect(0, 0, 1, 1)
    return paint.getImageData(0, 0, 1, 1).data
  }
  const luminance = (colour) => {
    const [r, g, b] = [...rgba(colour)].map((part) => part / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor
      if (rgba(colour)[3] === 255) return colour
    }
    return 'white'
  }
  return [...document.querySelectorAll('body *')]
    .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) && e.checkVisibility() && e.getClientRects().length > 0)
    .flatMap((e) => {
      const style = getComputedStyle(e)
      const [one, other] = [luminance(e instanceof SVGElement ? style.fill : style.color), luminance(ground(e))].sort((a, b) => b - a)
      const ratio = (one + 0.05) / (other + 0.05)
      return ratio < 4.5 ? [e.textContent.trim() + ': ' + ratio.toFixed(2)] : []
    })
})()`
