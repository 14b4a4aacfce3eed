-- probe: asks the other holders of a full scope to look whether their silent peers are still there.
--
-- Guarantee: asks live leases only that hold a slot of the scope, each once until it hears of it with its next renewal;
-- frees no slot, and decides about none: that is the owners' to do. What is asked is forgotten when it was told, and with
-- the lease. Works at the memory limit: that is no reason to keep the dead.
--
-- KEYS  1 admission  2 meta  3 leases  4 probes  5 the scope's set
-- ARGV  1 'probe'  2 lease (the caller's)  3 token  4 name and id of the scope, a colon between
--       5 how many may stand in all
-- Returns {'lost'|'fenced'|'stale'} | {'ok', how many leases are to look}
-- @include fence
-- @include allow-oom
local asked, room = 0, tonumber(ARGV[5]) - redis.call('ZCARD', KEYS[4])
local card = redis.pcall('ZCARD', KEYS[5])
-- What stands there otherwise is nobody's slot.
if type(card) == 'number' and card > 0 then
  for _, lease in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
    if lease ~= ARGV[2] and redis.call('ZCOUNT', KEYS[5], lease, lease) > 0 then
      local probe = lease .. ':' .. ARGV[4]
      local known = redis.call('ZSCORE', KEYS[4], probe)
      if not known and room > 0 then
        redis.call('ZADD', KEYS[4], lease, probe)
        known, room = true, room - 1
      end
      asked = asked + (known and 1 or 0)
    end
  end
end
return { 'ok', asked }
