import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * Writes what is made from the folder `source` to `target`, both from the root of the project. With `--check` writes
 * nothing, and ends the process with 1 if something else stands there.
 */
export function writeOrCheck(target, source, text) {
  const path = `${root}${target}`
  if (!process.argv.includes('--check')) {
    writeFileSync(path, text)
    return
  }
  if (readFileSync(path, 'utf8') === text) return
  console.error(`${target} has drifted from ${source}: run \`npm run bundle\``)
  process.exit(1)
}
