import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryDirectory } from './owned-process.js'

/** Compiles clock-shim.c, which is at `source`. The path of the library, or `undefined` where nobody can make it. */
export async function compiledClockShim(source: string): Promise<string | undefined> {
  const library = join(temporaryDirectory(), 'clock-shim.so')
  for (const compiler of ['cc', 'gcc', 'clang']) {
    const made = promisify(execFile)(compiler, ['-shared', '-fPIC', '-O2', '-o', library, source], { timeout: 30_000 })
    const done = await made.then(
      () => true,
      () => false,
    )
    if (done) return library
  }
  return undefined
}
