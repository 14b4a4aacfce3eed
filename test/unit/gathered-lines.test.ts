import { expect, test } from 'vitest'
import { GatheredLines } from '../../src/observe/gathered-lines.js'
import { ManualClock } from '../support/manual-clock.js'

function gathered() {
  const clock = new ManualClock()
  const written: string[] = []
  return { clock, written, lines: new GatheredLines({ write: (text) => written.push(text) }, clock) }
}

test('a line after a pause is written at once, and those behind it together 10 ms later', () => {
  const { clock, written, lines } = gathered()
  lines.write('a\n')
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
  expect(written.at(-1)).toBe('e\n')
})

test('as much as fills a write waits for nothing, and no line is told twice or forgotten', () => {
  const { clock, written, lines } = gathered()
  const line = `${'x'.repeat(999)}\n`
  for (let i = 0; i < 100; i++) lines.write(line)
  expect(written.length).toBeGreaterThan(5)
  expect(written.length).toBeLessThan(10)
  clock.advance(10)
  expect(written.join('')).toBe(line.repeat(100))
})

test('what waits is handed on when somebody asks for it, once', () => {
  const { clock, written, lines } = gathered()
  for (const line of ['a\n', 'b\n', 'c\n']) lines.write(line)
  lines.flush()
  lines.flush()
  expect(written).toEqual(['a\n', 'b\nc\n'])
  clock.advance(20)
  expect(written).toHaveLength(2)
})
