import { expect, test } from 'vitest'
import { Recent } from '../../src/node/probing/recent.js'
import { ManualClock } from '../support/manual-clock.js'

const scope = (id: string) => ({ name: 'org', id })

test('nothing is made twice within a second, and what is not over is not forgotten, however old', () => {
  const clock = new ManualClock()
  const over = new Set<string>()
  const recent = new Recent<string>(clock, (what) => over.has(what))
  expect(recent.get(scope('acme'), 'acme', () => 'first')).toBe('first')
  clock.advance(10_000)
  expect(recent.get(scope('acme'), 'acme', () => 'second')).toBe('first')
  over.add('first')
  expect(recent.get(scope('acme'), 'acme', () => 'second')).toBe('second')
  over.add('second')
  clock.advance(999)
  expect(recent.get(scope('acme'), 'acme', () => 'third')).toBe('second')
})

test('what is old and not over keeps nothing else from being forgotten', () => {
  const clock = new ManualClock()
  const recent = new Recent<string>(clock, (what) => what !== 'lasting')
  recent.get(scope('acme'), 'acme', () => 'lasting')
  recent.get(scope('globex'), 'globex', () => 'brief')
  clock.advance(1_000)
  expect(recent.get(scope('globex'), 'globex', () => 'anew')).toBe('anew')
})

test('what counts for nobody has no bound here, and what counts for an org has one (S5)', () => {
  const recent = new Recent<number>(new ManualClock())
  const made = (org: string | undefined) =>
    Array.from({ length: 1_200 }, (_, i) => recent.get(scope(`${org}-${i}`), org, () => i)).filter(
      (what) => what !== undefined,
    ).length
  expect(made(undefined)).toBe(1_200)
  expect(made('acme')).toBeLessThan(1_000)
})
