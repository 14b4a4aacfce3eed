import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryDirectory } from './owned-process.js'

/**
 * A copy of what was built, with one thing broken on purpose, for controls: a test that cannot tell it from the real
 * one proves nothing. Returns the path of the server. Throws where the text to replace is not found.
 */
export function brokenServer(file: string, right: string, wrong: string): string {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const directory = temporaryDirectory()
  cpSync(join(root, 'dist'), join(directory, 'dist'), { recursive: true })
  cpSync(join(root, 'package.json'), join(directory, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
  const path = join(directory, 'dist', file)
  const text = readFileSync(path, 'utf8')
  if (!text.includes(right)) throw new Error(`${file} does not contain ${JSON.stringify(right)}`)
  writeFileSync(path, text.replaceAll(right, wrong))
  return join(directory, 'dist/server/main.js')
}
