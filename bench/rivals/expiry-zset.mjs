/** Long enough that nothing expires while we measure. */
const EXPIRY_MS = 600_000

const ACQUIRE = `
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[3]) then
  redis.call('ZADD', KEYS[1], ARGV[2], ARGV[4])
  return 1
end
return 0`

/**
 * The well-known semaphore in a sorted set of expiry times: drop what has expired, count, add. Here in its leanest
 * form (the client's clock, no expiry of the key); each holder refreshes its score with one ZADD XX.
 */
export function expiryZset({ plain, pipelined, prefix, expiryMs = EXPIRY_MS }) {
  for (const client of [plain, pipelined]) client.defineCommand('benchZsetAcquire', { numberOfKeys: 1, lua: ACQUIRE })
  const key = (org) => `${prefix}zset:${org}`
  const each = async (items, call) => {
    const replies = await Promise.all(items.map((item) => call(items.length > 1 ? pipelined : plain, item)))
    return replies.map((reply) => reply === 1)
  }
  const take = (items, limit) =>
    each(items, (client, { org, id }) => {
      const now = Date.now()
      return client.benchZsetAcquire(key(org), now, now + expiryMs, limit, id)
    })
  return {
    name: 'expiry-scored ZSET',
    commands: { acquire: 'evalsha', refuse: 'evalsha', release: 'zrem', beat: 'zadd' },
    async populate(orgs) {
      const expiry = `${Date.now() + EXPIRY_MS}`
      await Promise.all(orgs.map(({ org, ids }) => pipelined.zadd(key(org), ...ids.flatMap((id) => [expiry, id]))))
    },
    acquire: (items) => take(items, items[0].roomy),
    refuse: (items) => take(items, items[0].full),
    release: (items) => each(items, (client, { org, id }) => client.zrem(key(org), id)),
    beat: (items) =>
      each(items, (client, { org, id }) => client.zadd(key(org), 'XX', 'CH', Date.now() + expiryMs + 1, id)),
  }
}
