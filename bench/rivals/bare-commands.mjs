/**
 * The commands that headcount's own script calls for the usual answer, and nothing between them: no decision, no answer
 * to make, no case but that one. What it costs is what headcount's script cannot cost less than with these sets.
 */
const LOOK = "redis.call('HMGET', KEYS[1], ARGV[1], 'doubts', unpack(KEYS, 3))"
const FIRST = { acquire: LOOK, refuse: LOOK, release: "redis.call('HGET', KEYS[1], ARGV[1])" }
const STEPS = {
  acquire: (key, id, entry) => [
    `redis.call('ZCARD', ${key})`,
    `redis.call('HSET', KEYS[2], ${id}, ${entry})`,
    `redis.call('ZADD', ${key}, 'NX', ARGV[1], ${id})`,
  ],
  refuse: (key) => [`redis.call('ZCARD', ${key})`],
  release: (key, id) => [`redis.call('ZREM', ${key}, ${id})`, `redis.call('HDEL', KEYS[2], ${id})`],
}

export function bareCommands({ plain, prefix, nodes }) {
  const admission = `${prefix}bare:admission`
  const index = (node) => `${prefix}bare:conns:${node}`
  const key = (org) => `${prefix}bare:org:${org}`
  const lease = (node) => `${40_000_000_000_000 + node}`
  for (const [operation, steps] of Object.entries(STEPS)) {
    const alone = steps('KEYS[3]', 'ARGV[2]', 'ARGV[3]')
    const each = steps('KEYS[i + 2]', 'ARGV[2 * i]', 'ARGV[2 * i + 1]')
    plain.defineCommand(`bare${operation}1`, { lua: [FIRST[operation], ...alone, 'return 1'].join('\n') })
    plain.defineCommand(`bare${operation}Many`, {
      lua: [FIRST[operation], 'for i = 1, #KEYS - 2 do', ...each, 'end', 'return #KEYS - 2'].join('\n'),
    })
  }
  const call = (operation) => async (items) => {
    const [{ node }] = items
    const keys = [admission, index(node), ...items.map(({ org }) => key(org))]
    const args = [lease(node), ...items.flatMap(({ org, id }) => [id, entryOf(org)])]
    const done = await plain[`bare${operation}${items.length > 1 ? 'Many' : '1'}`](keys.length, ...keys, ...args)
    return items.map(() => (done === items.length) === (operation !== 'refuse'))
  }
  return {
    name: 'its bare commands',
    commands: { acquire: 'evalsha', refuse: 'evalsha', release: 'evalsha' },
    async populate(orgs) {
      // As ours: long enough that Redis makes a table of it.
      await plain.hset(admission, 'about', 'x'.repeat(100))
      for (let node = 0; node < nodes; node++) await plain.hset(admission, lease(node), '1:epoch')
      await Promise.all(
        orgs.map(async ({ index: n, org, ids }) => {
          const node = n % nodes
          await plain.zadd(key(org), ...ids.flatMap((id) => [lease(node), id]))
          await plain.hset(index(node), ...ids.flatMap((id) => [id, entryOf(org)]))
        }),
      )
    },
    acquire: call('acquire'),
    refuse: call('refuse'),
    release: call('release'),
  }
}

/** As long as ours with a gateway, an address and an instance. */
function entryOf(org) {
  return `${org}\n{"t":1796065375648,"g":"gateway-1","a":"10.0.0.1","l":4}`
}
