import { expect, test } from 'vitest'
import { GatheredLines } from '../../src/observe/gathered-lines.js'
import { ManualClock } from '../support/manual-clock.js'

function gathered() {
  const clock = new ManualClock()
  const written: string[] = []
  return { clock, written, lines: new GatheredLines({ write: (text) => written.push(text) }, clock) }
}

/** Those who told a line are done. */
const done = () => Promise.resolve()

test('a line after a pause is written at once, and those behind it together 10 ms later', async () => {
  const { clock, written, lines } = gathered()
  lines.write('a\n')
  await done()
  expect(written).toEqual(['a\n'])
  lines.write('b\n')
  clock.advance(9)
  lines.write('c\n')
  expect(written).toHaveLength(1)
  clock.advance(1)
  expect(written).toEqual(['a\n', 'b\nc\n'])
  // That was a write as well.
  lines.write('d\n')
  expect(written).toHaveLength(2)
  clock.advance(10)
  expect(written.at(-1)).toBe('d\n')
  clock.advance(10)
  expect(clock.pending).toBe(0)
  lines.write('e\n')
  await done()
  expect(written.at(-1)).toBe('e\n')
})

test('what is told in one go after a pause shares the first write, and may be handed on before it', async () => {
  const { written, lines } = gathered()
  lines.write('a\n')
  lines.write('b\n')
  expect(written).toEqual([])
  lines.flush()
  await done()
  expect(written).toEqual(['a\nb\n'])
})

test('as much as fills a write waits for nothing, and no line is told twice or forgotten', () => {
  const { clock, written, lines } = gathered()
  const line = `${'x'.repeat(999)}\n`
  for (let i = 0; i < 100; i++) lines.write(line)
  expect(written.length).toBeGreaterThan(4)
  expect(written.length).toBeLessThan(10)
  clock.advance(10)
  expect(written.join('')).toBe(line.repeat(100))
})

test('what waits is handed on when somebody asks for it, once', async () => {
  const { clock, written, lines } = gathered()
  lines.write('a\n')
  await done()
  for (const line of ['b\n', 'c\n']) lines.write(line)
  lines.flush()
  lines.flush()
  expect(written).toEqual(['a\n', 'b\nc\n'])
  clock.advance(20)
  expect(written).toHaveLength(2)
})
