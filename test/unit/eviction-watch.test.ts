import { expect, test } from 'vitest'
import { EventBus } from '../../src/core/events.js'
import { EvictionWatch } from '../../src/node/eviction-watch.js'

test('a policy under which slots may vanish is told once, until there is another; one that spares them is not', () => {
  const events = new EventBus()
  const told: string[] = []
  events.on('store.misconfigured', ({ evictionPolicy }) => told.push(evictionPolicy))
  const watch = new EvictionWatch(events)
  const heard = ['noeviction', 'allkeys-lru', 'allkeys-lru', '', 'allkeys-lru', 'volatile-lru', 'volatile-ttl']
  for (const policy of [...heard, 'allkeys-lru', 'allkeys-lfu', 'noeviction']) watch.heard(policy)
  expect(told).toEqual(['allkeys-lru', 'allkeys-lru', 'allkeys-lfu'])
})
