/**
 * Every command that a node uses, its script included, each with arguments that ask for nothing but the right to use it
 * on `key`. docs/redis.md has the same list; a test compares both with the code.
 */
export const NODE_COMMANDS = (key: string): Readonly<Record<string, readonly string[]>> => ({
  del: [key],
  eval: ['return 0', '1', key],
  evalsha: ['0', '1', key],
  exists: [key],
  hdel: [key, 'f'],
  hexists: [key, 'f'],
  hget: [key, 'f'],
  hincrby: [key, 'f', '1'],
  hlen: [key],
  hmget: [key, 'f'],
  hrandfield: [key],
  hscan: [key, '0'],
  hset: [key, 'f', 'v'],
  hsetnx: [key, 'f', 'v'],
  info: [],
  sadd: [key, 'm'],
  scan: ['0'],
  sismember: [key, 'm'],
  smembers: [key],
  srandmember: [key],
  srem: [key, 'm'],
  time: [],
  xadd: [key, '*', 'f', 'v'],
  xrevrange: [key, '+', '-'],
  zadd: [key, '0', 'm'],
  zcard: [key],
  zcount: [key, '0', '0'],
  zintercard: ['1', key],
  zpopmin: [key],
  zrange: [key, '0', '0'],
  zrangebyscore: [key, '0', '0'],
  zrem: [key, 'm'],
  zremrangebyrank: [key, '0', '0'],
  zremrangebyscore: [key, '0', '0'],
  zscore: [key, 'm'],
})

/** What a node asks of a Redis Cluster besides: who serves which slot, and how new that is. */
export const CLUSTER_COMMANDS: readonly [name: string, args: readonly string[]][] = [
  ['cluster', ['slots']],
  ['cluster', ['nodes']],
]
