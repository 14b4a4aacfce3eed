-- override: sets or clears the operator's exception for one org.
--
-- Guarantee: binds the very next acquire on every node, because acquire reads it. Works at the memory limit: that may be
-- when an operator needs it.
--
-- KEYS  1 admission  2 meta  3 the org's set, whose name is the field of its override
-- ARGV  1 'override'  2 lease  3 token  4 limit in slots (-1 = unlimited), '' to clear
-- Returns {'lost'|'fenced'|'stale'} | {'ok'}
-- @include fence
-- @include allow-oom
if ARGV[4] == '' then
  redis.call('HDEL', KEYS[1], KEYS[3])
else
  redis.call('HSET', KEYS[1], KEYS[3], ARGV[4])
end
return { 'ok' }
