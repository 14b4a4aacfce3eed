import { writeFileSync } from 'node:fs'
import * as files from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { KeyFile } from '../../src/identity/key-file.js'
import { temporaryDirectory } from '../support/owned-process.js'
import { silentLog } from '../support/silent-log.js'
import { until } from '../support/until.js'

/** As on a file system whose times have not moved on since the file was written first. */
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof files>()
  const stat = async (path: string) => ({ ...(await real.stat(path, { bigint: true })), mtimeNs: 1n, ctimeNs: 1n })
  return { ...real, stat: vi.fn(stat), readFile: vi.fn(real.readFile) }
})

const text = (key: string) => JSON.stringify({ keys: [{ key, orgId: 'acme', gatewayId: 'eu' }] })

async function open(clock = systemClock) {
  const path = join(temporaryDirectory(), 'keys.json')
  writeFileSync(path, text('one'))
  const opened = await KeyFile.open({ path, clock, log: silentLog, pollMs: 5 })
  if (!opened.ok) throw new Error(opened.problems.join())
  onTestFinished(() => opened.keyFile.stop())
  return { path, keyFile: opened.keyFile }
}

test('a text that replaces another of its length before the times of the file move on counts too', async () => {
  const { path, keyFile } = await open()
  writeFileSync(path, text('two'))
  await until(() => keyFile.identify('two') !== undefined)
  expect(keyFile.identify('one')).toBeUndefined()
})

test('once its times must have moved on, a file that has not changed is not read again', async () => {
  let nowMs = 0
  await open({ ...systemClock, monotonicMs: () => nowMs })
  const looks = () => vi.mocked(files.stat).mock.calls.length
  const reads = () => vi.mocked(files.readFile).mock.calls.length
  const lookFiveTimes = async () => {
    const [before, readBefore] = [looks(), reads()]
    await until(() => looks() >= before + 5)
    return reads() - readBefore
  }
  expect(await lookFiveTimes()).toBeGreaterThanOrEqual(4)
  nowMs = 2_001
  expect(await lookFiveTimes()).toBeLessThanOrEqual(2)
  expect(await lookFiveTimes()).toBe(0)
})
