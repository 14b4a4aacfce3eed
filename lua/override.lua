-- override: sets or clears the operator's exception for one org.
--
-- Guarantee: binds the very next acquire on every node, because acquire reads it. Works at the memory limit: that may be
-- when an operator needs it.
--
-- KEYS  1 live  2 meta  3 overrides
-- ARGV  1 'override'  2 lease  3 token  4 org id  5 limit in slots (-1 = unlimited), '' to clear
-- Returns {'lost'|'fenced'|'stale'} | {'ok'}
-- @include fence
-- @include allow-oom
if ARGV[5] == '' then
  redis.call('HDEL', KEYS[3], ARGV[4])
else
  redis.call('HSET', KEYS[3], ARGV[4], ARGV[5])
end
return { 'ok' }
