import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { executableOnPath } from './on-path.js'
import { temporaryDirectory } from './owned-process.js'

test('of two programs that do, the one whose folder comes first on the PATH is taken, as docs/redis.md says', async () => {
  const programs = ['valkey-server', 'redis-server'].map((name) => {
    const path = join(temporaryDirectory(), name)
    writeFileSync(path, '', { mode: 0o755 })
    return path
  })
  const folders = programs.map((path) => join(path, '..'))
  const both = ['redis-server', 'valkey-server']
  expect(await executableOnPath(both, { PATH: folders.join(':') })).toBe(programs[0])
  expect(await executableOnPath(both, { PATH: folders.toReversed().join(':') })).toBe(programs[1])
})
