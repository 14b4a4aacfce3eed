import { expect, test } from 'vitest'
import { type Page, table } from '../../src/cli/terminal/page.js'

const PAGE: Page = { rows: Number.POSITIVE_INFINITY, paint: (_paint, text) => text }

test('a table has as many rows as there are orgs, and its columns the width of the widest text', () => {
  const rows = Array.from({ length: 200_000 }, (_, n) => [String(n), n === 3 ? '東京' : 'x', 'last'])
  const lines = table(PAGE, [{ title: 'HELD', right: true }, { title: 'A' }, { title: 'B' }], rows)
  expect(lines).toHaveLength(200_001)
  expect([lines[0], lines[1], lines[4], lines.at(-1)]).toEqual([
    '  HELD  A     B',
    '     0  x     last',
    '     3  東京  last',
    '199999  x     last',
  ])
})
