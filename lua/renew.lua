-- renew: a node's heartbeat. Extends its lease, advances the store's clock and, alone among the verbs, declares
-- expired leases dead (rule 4).
--
-- Guarantee: a lease lives at least ttl - cap of real time after a renewal ran (R3); a lease that has expired but was
-- not declared dead is extended (nobody took anything); once declared dead it never lives again (S3), and what it was
-- ordered is forgotten with it.
--
-- KEYS  1 admission  2 meta  3 leases  4 late  5 dead  6 overrides  7 override-versions  8 override-expiry
--       9 override-clears  10 orders:evict  11 orders:surplus  12 orders:takeover
--       13 orders:drain  14 taken  15 evicted  16 probes
-- ARGV  1 'renew'  2 lease  3 token  4 ttl ms  5 clock step cap ms  6 late after ms without a renewal  7 how many
--       leases to list, dead or late
--       8 how many orders of each kind to return  9 how many of each to pass over
--       10 how long it is remembered which connections were taken over, and which were evicted, ms  11 and of how many,
--       each
--       12 how many leases to declare dead: what is left of them counts until the next renewal
-- Returns {'lost'|'fenced'|'stale'} | {'ok', ms until admissions resume, live leases, version of the overrides,
--         1 while any lease is in doubt, else 0,
--         {kind of order, id, ...} for the caller, and in the same list {'probe', scope, ...}, which is told once,
--         dead lease...}
-- @include fence
-- @include allow-oom
local ttl_ms, cap_ms, bound = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[7])
-- @include store-clock
-- @include remembered
-- @include recovery
-- @include doubts
-- @include is-lease
redis.call('ZADD', KEYS[3], clock + ttl_ms, ARGV[2])

-- Usually nobody has been ordered anything, and this one look is all that it costs.
local orders, any_orders = {}, redis.call('EXISTS', KEYS[10], KEYS[11], KEYS[12], KEYS[13], KEYS[14], KEYS[15], KEYS[16]) > 0
for _, lease in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', clock, 'LIMIT', 0, ARGV[12])) do
  if is_lease(lease) then
    redis.call('HDEL', KEYS[1], lease)
    redis.call('SADD', KEYS[5], lease)
    if any_orders then
      for kind = 10, 13 do
        redis.call('ZREMRANGEBYSCORE', KEYS[kind], lease, lease)
      end
      redis.call('ZREMRANGEBYSCORE', KEYS[16], lease, lease)
    end
  end
  -- Last: what is cut short, as by a user that may do only a part of this, is done again by the next renewal.
  redis.call('ZREM', KEYS[3], lease)
end
if any_orders then
  for i, kind in ipairs({ 'evict', 'surplus', 'takeover', 'drain' }) do
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[9 + i], ARGV[2], ARGV[2], 'LIMIT', ARGV[9], ARGV[8])) do
      orders[#orders + 1] = kind
      orders[#orders + 1] = id
    end
  end
  for _, probe in ipairs(redis.call('ZRANGEBYSCORE', KEYS[16], ARGV[2], ARGV[2], 'LIMIT', 0, ARGV[8])) do
    orders[#orders + 1] = 'probe'
    orders[#orders + 1] = string.sub(probe, #ARGV[2] + 2)
    redis.call('ZREM', KEYS[16], probe)
  end
  for notes = 14, 15 do
    redis.call('ZREMRANGEBYSCORE', KEYS[notes], '-inf', clock - tonumber(ARGV[10]))
    redis.call('ZREMRANGEBYRANK', KEYS[notes], 0, -1 - tonumber(ARGV[11]))
  end
end

-- Who has missed a beat, for honest Retry-After: usually nobody, and then nothing is written.
local behind = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', clock + ttl_ms - tonumber(ARGV[6]), 'WITHSCORES', 'LIMIT', 0, bound)
if #behind > 0 or redis.call('EXISTS', KEYS[4]) == 1 then
  redis.call('DEL', KEYS[4])
  for i = 1, #behind, 2 do
    if is_lease(behind[i]) then
      redis.call('ZADD', KEYS[4], behind[i + 1], behind[i])
    end
  end
end

local recovery_ms = recovery_left()
-- @include override-expiry
local doubts = mark_doubts(KEYS[5], KEYS[4])
local dead = {}
for _, lease in ipairs(redis.call('SRANDMEMBER', KEYS[5], bound)) do
  if is_lease(lease) then
    dead[#dead + 1] = lease
  else
    redis.call('SREM', KEYS[5], lease)
  end
end
return { 'ok', recovery_ms, redis.call('ZCARD', KEYS[3]), override_version, doubts, orders, unpack(dead) }
