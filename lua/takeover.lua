-- takeover: gives the slots of earlier connections to newer ones of the same clients.
--
-- Guarantee: as acquire, but that the connection a claim replaces does not count in the scopes of the claim, and gives up
-- its slots there if the claim is admitted: in one step, so that at no moment both count or neither. Refused, it keeps
-- them (S2). One of another org is never replaced (S5). The lease that held them, if it lives, is ordered to close it,
-- and no reassertion adds it again, also where nothing was left to take over: then the claim counts as any other. A claim
-- that is held already takes nothing more (S4). Works at the memory limit where something is taken over.
--
-- KEYS  1 admission  2 meta  3 dead  4 late  5 conns:<lease>  6 orders:evict  7 orders:surplus  8 orders:takeover
--       9 taken  10... scope sets, claim by claim, org first
-- ARGV  1 'takeover'  2 lease  3 token  4 n
--       then per claim: id, index entry, limits in slots, one a scope, joined by commas (-1 = unlimited), and what is kept as in
--       acquire, id replaced
-- Returns {'lost'|'fenced'|'stale'} | {'recovering', ms} |
--         {'ok', then per claim: {1 if a slot was taken over, and what acquire says in its longest form}}
-- @include fence
-- @include occupancy
-- @include free-in
local bounds = redis.call('HMGET', KEYS[2], 'recovery', 'clock')
if marked then
  if bounds[1] then
    return { 'recovering', math.max(0, tonumber(bounds[1]) - tonumber(bounds[2])) }
  end
  redis.pcall('HSET', KEYS[1], ARGV[2], ARGV[3])
end
local lease, reply = ARGV[2], { 'ok' }
local arg, key = 5, 10

local function lives(owner)
  return owner and redis.call('HEXISTS', KEYS[1], owner) == 1
end

-- A connection has one order at most, so what it was ordered before gives way.
local function hand_over(scope_key, old, holder)
  redis.call('ZREM', scope_key, old)
  if lives(holder) then
    redis.call('ZREM', KEYS[6], old)
    redis.call('ZREM', KEYS[7], old)
    redis.call('ZADD', KEYS[8], holder, old)
  end
end

for _ = 1, tonumber(ARGV[4]) do
  local id, old = ARGV[arg], ARGV[arg + 3]
  -- @include limits
  local override = tonumber(redis.call('HGET', KEYS[1], KEYS[key]) or nil)
  local outcome, count, limit, free_in_ms, took = 0, 0, 0, -1, 0
  local mine, holders, kept = redis.pcall('ZSCORE', KEYS[key], id) == lease, {}, nil
  -- Further scopes may be shared with other orgs, whose connections nobody replaces (S5): the org's set says whose it is.
  local replaces = not mine and old ~= id and type(redis.pcall('ZSCORE', KEYS[key], old)) == 'string'

  -- Look at every scope before anything is written.
  for s = 1, scopes do
    local scope_key = KEYS[key + s - 1]
    local slots = s == 1 and override or only or each[s]
    local holder = replaces and redis.pcall('ZSCORE', scope_key, old)
    holder = type(holder) == 'string' and holder or nil
    -- @include kept
    if kept and lives(holder) and s == 1 then
      -- Who holds a slot already takes nothing of what is kept for others.
      slots, kept = slots + kept, 0
    end
    local card = redis.pcall('ZCARD', scope_key)
    if type(card) ~= 'number' then
      outcome = -1
      break
    end
    holders[s] = holder
    card = card - (holder and 1 or 0)
    if slots >= 0 and card >= slots and not mine then
      card = occupancy(KEYS[1], KEYS[3], scope_key, card + (holder and 1 or 0)) - (lives(holder) and 1 or 0)
      if card >= slots then
        outcome, count, limit, free_in_ms = s, card, slots, free_in(KEYS[4], scope_key)
        break
      end
    end
    if s == 1 then
      count, limit = mine and card or card + 1, slots
    end
  end
  for s = 1, outcome == 0 and not mine and scopes or 0 do
    local owner = redis.call('ZSCORE', KEYS[key + s - 1], id)
    if owner ~= lease and lives(owner) then
      outcome = -3
    end
  end

  if outcome == 0 and not mine then
    if next(holders) then
      -- A first write that only shrinks lets the others through at the memory limit: nothing grows by a takeover.
      redis.call('HDEL', KEYS[1], '')
    end
    local entry = redis.pcall('HSET', KEYS[5], id, ARGV[arg + 1])
    if type(entry) == 'number' then
      if old ~= id then
        -- Also where nothing is left of it, because its lease was swept: its node may yet come back with it. With the org's
        -- set, because nothing else says then whose it was (S5).
        redis.call('ZADD', KEYS[9], bounds[2], old .. ' ' .. KEYS[key])
      end
      for s = 1, scopes do
        if holders[s] then
          took = 1
          hand_over(KEYS[key + s - 1], old, holders[s])
        end
        redis.call('ZADD', KEYS[key + s - 1], lease, id)
      end
    else
      outcome = string.find(entry.err, 'OOM', 1, true) and -2 or -1
      if outcome == -1 and not string.find(entry.err, 'WRONGTYPE', 1, true) then
        error(entry)
      end
    end
  end
  reply[#reply + 1] = { took, outcome, count, limit, free_in_ms, kept and (outcome < 2 and kept or 0) }
  arg, key = arg + 4, key + scopes
end
return reply
