-- order: asks the owners of an org's connections for something: to close them, so far.
--
-- Guarantee: orders only connections that hold a slot of the org under a live lease, none that is leaving already, and
-- of the kind 'surplus' never more than the org has above the limit in force, those that are leaving not counted. It is
-- one step, so several nodes that act at once close none too many. Frees no slot: that is the owner's to do, when the
-- socket has closed. An order ends with its lease, but who was evicted is remembered for a while: where its node comes back
-- with another lease, reassert orders it anew. Works at the memory limit: that may be when an operator needs it.
--
-- KEYS  1 admission  2 meta  3 dead  4 the org's set  5 orders:<kind>  6 orders:evict  7 orders:surplus
--       8 orders:takeover  9 evicted
-- ARGV  1 'order'  2 lease (the caller's)  3 token  4 kind  5 limit in slots where there is no override (-1 = unlimited)
--       6... connection ids, in the order in which they should go
-- Returns {'lost'|'fenced'|'stale'} | {'ok', slots of live leases, how many of them are leaving, limit in force,
--         'ordered'|'leaving'|'gone'|'spared', ...} one word a connection
-- @include fence
-- @include allow-oom
-- @include occupancy
local limit = tonumber(redis.call('HGET', KEYS[1], KEYS[4]) or ARGV[5])
local card = redis.pcall('ZCARD', KEYS[4])
if type(card) ~= 'number' then
  -- What stands there is nobody's slot.
  card = 0
end
local count, leaving, open = 0, 0, math.huge
if card > 0 then
  count = occupancy(KEYS[1], KEYS[3], KEYS[4], card)
  for kind = 6, 8 do
    leaving = leaving + redis.call('ZINTERCARD', 2, KEYS[4], KEYS[kind])
  end
end
if ARGV[4] == 'surplus' then
  open = limit < 0 and 0 or count - leaving - limit
end

local reply, clock = { 'ok', count, leaving, limit }, redis.call('HGET', KEYS[2], 'clock')
for i = 6, #ARGV do
  local id, word = ARGV[i], 'gone'
  local owner = card > 0 and redis.call('ZSCORE', KEYS[4], id)
  if owner and redis.call('HEXISTS', KEYS[1], owner) == 1 then
    if redis.call('ZSCORE', KEYS[6], id) or redis.call('ZSCORE', KEYS[7], id) or redis.call('ZSCORE', KEYS[8], id) then
      word = 'leaving'
    elseif open <= 0 then
      word = 'spared'
    else
      redis.call('ZADD', KEYS[5], owner, id)
      word, leaving, open = 'ordered', leaving + 1, open - 1
    end
    if ARGV[4] == 'evict' then
      redis.call('ZADD', KEYS[9], clock, id)
    end
  end
  reply[#reply + 1] = word
end
reply[3] = leaving
return reply
