/** Long enough that nothing expires while we measure. */
const EXPIRY_MS = 600_000

const ACQUIRE = `
if redis.call('INCR', KEYS[1]) > tonumber(ARGV[1]) then
  redis.call('DECR', KEYS[1])
  return 0
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`

const RELEASE = `
if redis.call('DECR', KEYS[1]) <= 0 then
  redis.call('DEL', KEYS[1])
end
return 1`

/**
 * A counter an org. The cheapest that can be had, and no semaphore: who dies without a DECR keeps its slot until the
 * whole counter expires, and then the slots of the living are forgotten too. Each connection must push the expiry on.
 */
export function counter({ plain, pipelined, prefix, expiryMs = EXPIRY_MS }) {
  for (const client of [plain, pipelined]) {
    client.defineCommand('benchCountUp', { numberOfKeys: 1, lua: ACQUIRE })
    client.defineCommand('benchCountDown', { numberOfKeys: 1, lua: RELEASE })
  }
  const key = (org) => `${prefix}counter:${org}`
  const each = async (items, call) => {
    const replies = await Promise.all(items.map((item) => call(items.length > 1 ? pipelined : plain, item)))
    return replies.map((reply) => reply === 1)
  }
  const take = (items, limit) => each(items, (client, { org }) => client.benchCountUp(key(org), limit, expiryMs))
  return {
    name: 'INCR/DECR with EXPIRE',
    commands: { acquire: 'evalsha', refuse: 'evalsha', release: 'evalsha', beat: 'pexpire' },
    async populate(orgs) {
      await Promise.all(orgs.map(({ org, ids }) => pipelined.set(key(org), ids.length, 'PX', expiryMs)))
    },
    acquire: (items) => take(items, items[0].roomy),
    refuse: (items) => take(items, items[0].full),
    release: (items) => each(items, (client, { org }) => client.benchCountDown(key(org))),
    beat: (items) => each(items, (client, { org }) => client.pexpire(key(org), expiryMs)),
  }
}
