-- probe: asks the other holders of a full scope to look whether their silent peers are still there.
--
-- Guarantee: asks live leases only that hold a slot of the scope, each once until it hears of it with its next renewal;
-- frees no slot, and decides about none: that is the owners' to do. What is asked is forgotten when it was told, and with
-- the lease. A holder that has missed a beat is asked too, and not counted: whoever waits for the answer may wait in vain.
-- Works at the memory limit: that is no reason to keep the dead. No number bounds how many stand, or one org could take
-- the room of all others (S5): there is at most one for each lease and scope in which it has held a slot since it renewed.
--
-- KEYS  1 admission  2 meta  3 leases  4 probes  5 the scope's set  6 late
-- ARGV  1 'probe'  2 lease (the caller's)  3 token  4 name and id of the scope, a colon between
-- Returns {'lost'|'fenced'|'stale'} | {'ok', how many leases are to look and were heard lately}
-- @include fence
-- @include allow-oom
local asked = 0

-- From holder to holder by their numbers: as many looks as there are leases in the set, however many connections they
-- have there and however many nodes have none. What stands there otherwise is nobody's slot.
local function next_holder(after)
  local found = redis.pcall('ZRANGEBYSCORE', KEYS[5], after, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  return found[2]
end

local lease = next_holder('-inf')
while lease do
  if lease ~= ARGV[2] and redis.call('ZSCORE', KEYS[3], lease) then
    redis.call('ZADD', KEYS[4], lease, lease .. ':' .. ARGV[4])
    if not redis.call('ZSCORE', KEYS[6], lease) then
      asked = asked + 1
    end
  end
  lease = next_holder('(' .. lease)
end
return { 'ok', asked }
