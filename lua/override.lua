-- override: sets or clears what an operator has decided for one org: an exception to its limit, or its tier.
--
-- Guarantee: binds the very next acquire on every node, because acquire reads the number that is in force: the
-- override's, else the tier's. The version grows with every change, so that nodes learn of it and can write it back
-- after the store has lost its memory. Works at the memory limit: that may be when an operator needs it.
--
-- KEYS  1 admission  2 meta  3 overrides  4 override-versions  5 override-expiry  6 override-clears
--       7 the org's set, whose name is the field of the number in force
-- ARGV  1 'override'  2 lease  3 token  4 'override'|'tier'  5 limit in slots (-1 = unlimited), '' to clear
--       6 clock step cap ms  7 ms until it ends by itself, '' for never  8 details
-- Returns {'lost'|'fenced'|'stale'} | {'ok'}
-- @include fence
-- @include allow-oom
local cap_ms, first = tonumber(ARGV[6]), 3
-- @include store-clock
-- @include remembered
-- @include overrides
local version = redis.call('HINCRBY', KEYS[2], 'overrideVersion', 1)
local due = tonumber(ARGV[7])
write_record(
  ARGV[4] .. ':' .. KEYS[7],
  version,
  ARGV[5],
  string.match(ARGV[3], ':(.*)$'),
  due and clock + due,
  ARGV[8]
)
return { 'ok' }
