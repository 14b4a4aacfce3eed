-- reassert: makes the store equal to connections that are still open, after the node's lease changed.
--
-- Guarantee: whole connections with all their scopes. Takes a member over only from this lease or one that is not live
-- (rule 2). 'keep' adds whatever the limits say (the store lost its memory, and nobody is kicked for that); 'room' adds
-- only while every scope has room among the living. A connection that this lease is ordered to close is not added: its
-- slot may be gone because of that order. Nor is one that was taken over in its org, under whatever lease it comes. One
-- that was evicted, and comes under another lease than was ordered, is added and ordered to close.
-- Works at the memory limit: the connections exist already.
--
-- KEYS  1 admission  2 meta  3 dead  4 conns:<lease>  5 orders:evict  6 orders:surplus  7 orders:takeover  8 taken
--       9 evicted  10... scope sets, claim by claim, org first
-- ARGV  1 'reassert'  2 lease  3 token  4 'keep'|'room'  5 '1' if this ends the node's reassertion  6 n
--       then per claim: id, index entry, limits as acquire takes them; nothing is kept from connections that are open
-- Returns {'lost'|'fenced'|'stale'} | {'ok', 'kept'|'taken'|'ordered'|'full'|'conflict'|'broken', ...} one word a claim
-- @include fence
-- @include allow-oom
-- @include occupancy
local lease, n = ARGV[2], tonumber(ARGV[6])
local overrides = n > 0 and redis.call('HMGET', KEYS[1], unpack(KEYS, 10)) or {}
local any_orders = redis.call('EXISTS', KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]) > 0
local reply = { 'ok' }
local arg, key = 7, 10

for claim = 1, n do
  local id, word = ARGV[arg], 'kept'
  -- @include limits
  for kind = 5, any_orders and 7 or 0 do
    if redis.call('ZSCORE', KEYS[kind], id) == lease then
      word = 'ordered'
    end
  end
  if any_orders and redis.call('ZSCORE', KEYS[8], id .. ' ' .. KEYS[key]) then
    word = 'taken'
  end
  for s = 1, word == 'kept' and scopes or 0 do
    local scope_key = KEYS[key + s - 1]
    local card = redis.pcall('ZCARD', scope_key)
    if type(card) ~= 'number' then
      word = 'broken'
      break
    end
    local owner = redis.call('ZSCORE', scope_key, id)
    if owner and owner ~= lease and redis.call('HEXISTS', KEYS[1], owner) == 1 then
      word = 'conflict'
      break
    end
    local slots = s == 1 and tonumber(overrides[key - 9] or nil) or only or each[s]
    if ARGV[4] == 'room' and owner ~= lease and slots >= 0 and card >= slots
      and occupancy(KEYS[1], KEYS[3], scope_key, card) >= slots then
      word = 'full'
      break
    end
  end
  if word == 'kept' then
    redis.call('HSET', KEYS[4], id, ARGV[arg + 1])
    for s = 1, scopes do
      redis.call('ZADD', KEYS[key + s - 1], lease, id)
    end
    if any_orders and redis.call('ZSCORE', KEYS[9], id) then
      redis.call('ZADD', KEYS[5], lease, id)
    end
  end
  reply[claim + 1] = word
  arg, key = arg + 3, key + scopes
end

if ARGV[5] == '1' and marked then
  redis.call('HSET', KEYS[1], lease, ARGV[3] .. ':recovering')
end
return reply
