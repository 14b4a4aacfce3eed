import { expect, test } from 'vitest'
import { EventBus } from '../../src/core/events.js'
import { createLog } from '../../src/observe/log.js'
import { logEvents } from '../../src/observe/log-events.js'

test('of a tier that a token names wrongly no more is logged than its beginning, and that once', () => {
  const lines: string[] = []
  const events = new EventBus()
  const destination = { write: (line: string) => void lines.push(line) }
  logEvents({ on: events.on.bind(events) }, createLog({ level: 'info', node: 'n', destination }))
  const tiers = ['gold', 'gold', 'x'.repeat(64), 'y'.repeat(12_000), `${'y'.repeat(12_000)}z`]
  for (const tier of tiers) events.emit('tier.unknown', { org: 'acme', tier, fallback: 'free' })
  expect(lines.map((line) => JSON.parse(line).tier)).toEqual(['gold', 'x'.repeat(64), `${'y'.repeat(64)}…`])
})
