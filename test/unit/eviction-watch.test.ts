import { expect, test } from 'vitest'
import { EventBus } from '../../src/core/events.js'
import { evictionWatch } from '../../src/node/eviction-watch.js'

test('a policy under which slots may vanish is told once, until there is another; one that spares them is not', () => {
  const events = new EventBus()
  const told: string[] = []
  events.on('store.misconfigured', ({ evictionPolicy }) => told.push(evictionPolicy))
  const heard = evictionWatch(events)
  const policies = ['noeviction', 'allkeys-lru', 'allkeys-lru', '', 'allkeys-lru', 'volatile-lru', 'volatile-ttl']
  for (const policy of [...policies, 'allkeys-lru', 'allkeys-lfu', 'noeviction']) heard(policy)
  expect(told).toEqual(['allkeys-lru', 'allkeys-lru', 'allkeys-lfu'])
})
