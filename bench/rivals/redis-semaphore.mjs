import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { acquireLua } = require('redis-semaphore/lib/semaphore/acquire/lua.js')
const { refreshLua } = require('redis-semaphore/lib/semaphore/refresh/lua.js')

/** Long enough that nothing expires while we measure: a semaphore that has leftovers to remove costs more. */
const LOCK_TIMEOUT_MS = 600_000

/**
 * The package redis-semaphore, through its own scripts: a sorted set of holders scored with the client's clock. Its
 * `refresh` is what each holder does on a timer of its own. There is no batch; the best a user can do is a pipeline.
 */
export function redisSemaphore({ plain, pipelined, prefix }) {
  const key = (org) => `${prefix}semaphore:${org}`
  const each = (items, call) => Promise.all(items.map((item) => call(items.length > 1 ? pipelined : plain, item)))
  const take = async (items, limit) => {
    const replies = await each(items, (client, { org, id }) =>
      acquireLua(client, [key(org), limit, id, LOCK_TIMEOUT_MS, Date.now()]),
    )
    return replies.map((reply) => reply === 1)
  }
  return {
    name: 'redis-semaphore',
    commands: { acquire: 'evalsha', refuse: 'evalsha', release: 'zrem', beat: 'evalsha' },
    async populate(orgs) {
      const held = orgs.map(({ org, ids }) => pipelined.zadd(key(org), ...ids.flatMap((id) => [`${Date.now()}`, id])))
      await Promise.all(held)
    },
    acquire: (items) => take(items, items[0].roomy),
    refuse: (items) => take(items, items[0].full),
    async release(items) {
      const replies = await each(items, (client, { org, id }) => client.zrem(key(org), id))
      return replies.map((reply) => reply === 1)
    },
    async beat(items) {
      const replies = await each(items, (client, { org, id, full }) =>
        refreshLua(client, [key(org), full, id, LOCK_TIMEOUT_MS, Date.now()]),
      )
      return replies.map((reply) => reply === 1)
    },
  }
}
