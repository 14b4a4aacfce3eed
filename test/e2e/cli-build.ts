import { cpSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { spawnOwned, temporaryDirectory } from '../support/owned-process.js'

/** Compiles the program into a directory of its own and returns the path of its command. */
export async function buildCommand(): Promise<string> {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const directory = temporaryDirectory()
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
  cpSync(join(root, 'package.json'), join(directory, 'package.json'))
  // Types are checked elsewhere; here only the program is wanted.
  const options = ['-p', join(root, 'tsconfig.build.json'), '--outDir', join(directory, 'dist'), '--noCheck']
  const compiler = await spawnOwned(join(root, 'node_modules/.bin/tsc'), options)
  const { code } = await compiler.exited
  if (code !== 0) throw new Error(`the program does not compile:\n${compiler.output()}`)
  return join(directory, 'dist/cli/main.js')
}
