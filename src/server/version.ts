import { readFileSync } from 'node:fs'

/** The description of the package is always beside what was built from it. */
const about = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  readonly version: string
  readonly description: string
}

export const { version, description } = about
