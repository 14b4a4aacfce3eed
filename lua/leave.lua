-- leave: the last act of a drained node. Its lease is dead; whatever it still holds will be swept by others.
--
-- Guarantee: nothing sent under this lease afterwards takes or frees a slot (S3). Said twice, the second is refused.
--
-- KEYS  1 admission  2 meta  3 leases  4 late  5 dead  6 conns:<lease>  7 nodes  8 orders:evict
--       9 orders:surplus  10 orders:takeover  11 orders:drain  12 probes
-- ARGV  1 'leave'  2 lease  3 token
-- Returns {'lost'|'fenced'|'stale'} | {'ok'}
-- @include fence
-- @include allow-oom
-- @include doubts
redis.call('HDEL', KEYS[1], ARGV[2])
redis.call('ZREM', KEYS[4], ARGV[2])
for list = 8, 12 do
  redis.call('ZREMRANGEBYSCORE', KEYS[list], ARGV[2], ARGV[2])
end
if redis.call('EXISTS', KEYS[6]) == 1 then
  redis.call('SADD', KEYS[5], ARGV[2])
  mark_doubts(KEYS[5], KEYS[4])
else
  redis.call('HDEL', KEYS[7], ARGV[2])
end
-- Last: if this is cut short, the lease runs out and is declared dead.
redis.call('ZREM', KEYS[3], ARGV[2])
return { 'ok' }
