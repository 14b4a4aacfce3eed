-- renew: a node's heartbeat. Extends its lease, advances the store's clock and, alone among the verbs, declares
-- expired leases dead (rule 4).
--
-- Guarantee: a lease lives at least ttl - cap of real time after a renewal ran (R3); a lease that has expired but was
-- not declared dead is extended (nobody took anything); once declared dead it never lives again (S3).
--
-- KEYS  1 admission  2 meta  3 leases  4 late  5 dead  6 overrides  7 override-versions  8 override-expiry
--       9 override-clears
-- ARGV  1 'renew'  2 lease  3 token  4 ttl ms  5 clock step cap ms  6 late after ms without a renewal  7 list bound
-- Returns {'lost'|'fenced'|'stale'} | {'ok', ms until admissions resume, live leases, version of the overrides,
--         dead lease...}
-- @include fence
-- @include allow-oom
local ttl_ms, cap_ms, bound = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[7])
-- @include store-clock
-- @include recovery
-- @include doubts
redis.call('ZADD', KEYS[3], clock + ttl_ms, ARGV[2])

for _, lease in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', clock, 'LIMIT', 0, bound)) do
  redis.call('SADD', KEYS[5], lease)
  redis.call('ZREM', KEYS[3], lease)
  redis.call('HDEL', KEYS[1], lease)
end

-- Who has missed a beat, for honest Retry-After: usually nobody, and then nothing is written.
local behind = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', clock + ttl_ms - tonumber(ARGV[6]), 'WITHSCORES', 'LIMIT', 0, bound)
if #behind > 0 or redis.call('EXISTS', KEYS[4]) == 1 then
  redis.call('DEL', KEYS[4])
  for i = 1, #behind, 2 do
    redis.call('ZADD', KEYS[4], behind[i + 1], behind[i])
  end
end

-- @include override-expiry
mark_doubts(KEYS[5], KEYS[4])
local dead = redis.call('SRANDMEMBER', KEYS[5], bound)
return { 'ok', recovery_left(), redis.call('ZCARD', KEYS[3]), override_version, unpack(dead) }
