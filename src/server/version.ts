import { readFileSync } from 'node:fs'

export { version } from '../core/version.js'

/** The description of the package is always beside what was built from it. */
const about = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  readonly description: string
}

export const { description } = about
