import { expect, test } from 'vitest'
import { EventBus } from '../../src/core/events.js'
import { OwnView } from '../../src/limiter/own-view.js'

test('this process is known by any lease of its own: the first that is listed may be one that it has lost', async () => {
  const events = new EventBus()
  const rows = [
    { name: 'a', lease: 1, leases: [1, 2, 3] },
    { name: 'b', lease: 4, leases: [4, 5] },
    { name: 'c', lease: 6 },
  ]
  const view = new OwnView({ nodes: async () => rows } as never, events)
  for (const lease of [1, 2]) events.emit('lease.taken', { lease } as never)
  events.emit('lease.lost', { lease: 1 } as never)
  expect((await view.nodes()).map(({ self }) => self)).toEqual([true, false, false])
})
