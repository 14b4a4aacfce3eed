import { type Browser, chromium } from 'playwright-core'
import { installWithApt } from './apt-install.js'
import { executableOnPath } from './on-path.js'

export type { Browser, Page } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']

/** A real Chromium without a window. The caller closes it. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = await findBrowser()
  // Root, as in containers, cannot have Chromium's sandbox, and what is opened here is our own page alone.
  return chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0, timeout: 60_000 })
}

/** Throws, and says what to install, where there is none: tests of the dashboard are never skipped. */
async function findBrowser(): Promise<string> {
  const { TEST_CHROMIUM } = process.env
  if (TEST_CHROMIUM) return TEST_CHROMIUM
  const found =
    (await executableOnPath(NAMES)) ?? ((await installWithApt('chromium')) ? await executableOnPath(NAMES) : undefined)
  if (found) return found
  throw new Error(
    'the tests of the dashboard need a Chromium and found none. Do one of these:\n' +
      '  - install chromium or google-chrome so that it is on the PATH (Debian: apt-get install chromium)\n' +
      '  - set TEST_CHROMIUM to the path of the program',
  )
}
