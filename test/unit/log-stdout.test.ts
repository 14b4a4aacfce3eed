import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { spawnNode } from '../support/processes.js'
import { until } from '../support/until.js'

test('a reader that has stalled holds up nothing, and learns how much it has missed', async () => {
  const told = 60_000
  const script = fileURLToPath(new URL('../support/fixtures/log-and-end.mjs', import.meta.url))
  const child = spawn(process.execPath, [script, String(told), 'stalled'], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  // Nobody reads its standard output yet. Written synchronously, it would come no farther than the pipe's 64 KiB.
  await once(child.stderr, 'data')
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
  })
  await until(() => text.includes('"lines":') && text.endsWith('\n'), { withinMs: 10_000 })
  const read = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const missed = read.reduce((sum, { lines = 0 }) => sum + lines, 0)
  expect(read.filter(({ line }) => line !== undefined).length + missed).toBe(told)
})

describe('standard output is written in the background, and whole all the same', () => {
  test.each(['exit', 'throw', 'reject', 'return', 'fatal'])('when the process ends by %s', async (end) => {
    const told = 5_000
    const child = await spawnNode('test/support/fixtures/log-and-end.mjs', [String(told), end])
    await child.exited
    const numbers = child
      .stdout()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).line)
    const all = end === 'fatal' ? told + 1 : told
    expect(numbers).toEqual(Array.from({ length: all }, (_, i) => i + 1))
  })

  test.each([
    { end: 'return', told: 2 },
    { end: 'fatal', told: 0 },
  ])('when it ends by $end, and nothing is on its way yet', async ({ end, told }) => {
    const all = end === 'fatal' ? told + 1 : told
    for (let round = 0; round < 12; round++) {
      const child = await spawnNode('test/support/fixtures/log-and-end.mjs', [String(told), end])
      await child.exited
      expect(child.stdout().split('\n')).toHaveLength(all + 1)
    }
  })
})
