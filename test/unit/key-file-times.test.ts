import { writeFileSync } from 'node:fs'
import * as files from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type Clock, systemClock } from '../../src/core/clock.js'
import { KeyFile } from '../../src/identity/key-file.js'
import type { Log } from '../../src/observe/log.js'
import { ManualClock } from '../support/manual-clock.js'
import { temporaryDirectory } from '../support/owned-process.js'
import { silentLog } from '../support/silent-log.js'
import { until } from '../support/until.js'

/** As on a file system whose times have not moved on since the file was written first. */
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof files>()
  const stat = async (path: string) => ({ ...(await real.stat(path, { bigint: true })), mtimeNs: 1n, ctimeNs: 1n })
  return { ...real, stat: vi.fn(stat), open: vi.fn(real.open) }
})

const text = (key: string) => JSON.stringify({ keys: [{ key, orgId: 'acme', gatewayId: 'eu' }] })

async function open(clock: Clock = systemClock, log: Log = silentLog) {
  const path = join(temporaryDirectory(), 'keys.json')
  writeFileSync(path, text('one'))
  const opened = await KeyFile.open({ path, clock, log, pollMs: 5 })
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

test('a look that hangs is told of once, and the next one is begun when it is over', async () => {
  const clock = new ManualClock()
  const warnings: object[] = []
  const log = { ...silentLog, warn: (about: object) => void warnings.push(about) }
  const { path, keyFile } = await open(clock, log)
  writeFileSync(path, text('two'))
  let answer = () => {}
  const hang = () =>
    vi.mocked(files.stat).mockImplementationOnce(
      () =>
        new Promise((_, reject) => {
          answer = () => reject(new Error('late'))
        }),
    )
  for (const _ of [1, 2]) {
    hang()
    clock.advance(5)
    clock.advance(9_999)
    expect(warnings.length).toBeLessThanOrEqual(1)
    clock.advance(60_000)
    expect(warnings).toEqual([{ path, forMs: 10_000 }])
    answer()
    await until(() => clock.pending === 1)
  }
  expect(keyFile.identify('two')).toBeUndefined()
  await until(() => {
    clock.advance(5)
    return keyFile.identify('two') !== undefined
  })
})

test('once its times must have moved on, a file that has not changed is not read again', async () => {
  let nowMs = 0
  await open({ ...systemClock, monotonicMs: () => nowMs })
  const looks = () => vi.mocked(files.stat).mock.calls.length
  const reads = () => vi.mocked(files.open).mock.calls.length
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
