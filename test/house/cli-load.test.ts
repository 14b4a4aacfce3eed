import { posix } from 'node:path'
import { expect, test } from 'vitest'
import { read, sourceFile } from './sources.js'

const LOADED = /^(?:import|export)(?! type\b)(?:[^'"]*? from)? '([^']+)'/gm

/** The packages that are loaded with a module of src, and not only when something is asked of it. */
function packagesWith(path: string, seen = new Set<string>()): Set<string> {
  const found = new Set<string>()
  if (seen.has(path)) return found
  seen.add(path)
  for (const [, name = ''] of sourceFile(path, read(path)).uncommented.matchAll(LOADED)) {
    if (!name.startsWith('.')) found.add(name)
    else {
      const next = posix.join(posix.dirname(path), name.replace(/\.js$/, '.ts'))
      for (const more of packagesWith(next, seen)) found.add(more)
    }
  }
  return found
}

const foreign = (path: string) => [...packagesWith(path)].filter((name) => !name.startsWith('node:')).sort()

// Health checks and monitoring start a command every few seconds: most of its time goes into loading what it is made of.
test('a command loads no package that only some commands need', () => {
  expect(foreign('src/cli/program.ts')).toEqual(['commander', 'ipaddr.js', 'lru-cache'])
})

test('control: packages are found, behind other modules too', () => {
  expect(foreign('src/cli/connect/crowd.ts')).toEqual(['ws'])
  expect(foreign('src/cli/keys/key-file-edit.ts')).toContain('zod')
  expect(foreign('src/cli/cluster/redis-source.ts')).toEqual(['ioredis'])
})
