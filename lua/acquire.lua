-- acquire: takes a slot in every scope of a claim, or in none. The only verb that admits.
--
-- Guarantee: no admission makes the slots of live leases exceed the limit in force (S1); a refusal leaves nothing
-- behind (S2); a claim already held under this lease is admitted again and takes nothing (S4); a broken key of one
-- claim touches no other (S5); a scope with room for the living admits (S6).
--
-- KEYS  1 live  2 meta  3 overrides  4 dead  5 late  6 conns:<lease>  7... scope sets, claim by claim, org first
-- ARGV  1 'acquire'  2 lease  3 token  4 n
--       5... n org ids (fields of overrides)
--       then per claim: id, index entry, number of scopes, limit of each scope in slots (-1 = unlimited)
-- Returns {'lost'|'fenced'|'stale'} | {'recovering', ms} |
--       {'ok', then per claim: outcome, count, limit, free_in_ms}
--       outcome 0 admitted (count and limit are the org's) | s > 0 refused, scope s is full
--       | -1 a key has a foreign type | -2 memory limit | -3 the id is held by another lease
--       free_in_ms: when the soonest late holder would be free, -1 if none is late
-- @include fence
if marked then
  local bounds = redis.call('HMGET', KEYS[2], 'recovery', 'clock')
  if bounds[1] then
    return { 'recovering', math.max(0, tonumber(bounds[1]) - tonumber(bounds[2])) }
  end
  redis.pcall('HSET', KEYS[1], ARGV[2], ARGV[3])
end
-- @include occupancy
local lease, n = ARGV[2], tonumber(ARGV[4])

-- When the soonest lease that holds a slot here and has missed a beat will be dead.
local function free_in(scope_key)
  local late = redis.call('ZRANGE', KEYS[5], 0, 15, 'WITHSCORES')
  for i = 1, #late, 2 do
    if redis.call('ZCOUNT', scope_key, late[i], late[i]) > 0 then
      return math.max(0, tonumber(late[i + 1]) - tonumber(redis.call('HGET', KEYS[2], 'clock')))
    end
  end
  return -1
end

local overrides = n > 0 and redis.call('HMGET', KEYS[3], unpack(ARGV, 5, 4 + n)) or {}
local doubts -- how many of `dead` and `late` exist: usually neither, and then a refusal is cheap
local reply, out = { 'ok' }, 1
local arg, key = 5 + n, 7

for claim = 1, n do
  local id, scopes = ARGV[arg], tonumber(ARGV[arg + 2])
  local outcome, count, limit, free_in_ms, mine = 0, 0, 0, -1, false

  -- Look at every scope before anything is written.
  for s = 1, scopes do
    local scope_key = KEYS[key + s - 1]
    local slots = s == 1 and tonumber(overrides[claim] or nil) or tonumber(ARGV[arg + 2 + s])
    local card = redis.pcall('ZCARD', scope_key)
    if type(card) ~= 'number' then
      outcome = -1
      break
    end
    local held_count = card
    if slots >= 0 and card >= slots then
      mine = mine or redis.call('ZSCORE', KEYS[key], id) == lease
      if not mine then
        doubts = doubts or redis.call('EXISTS', KEYS[4], KEYS[5])
        if doubts > 0 then
          held_count = occupancy(KEYS[1], KEYS[4], scope_key, card)
        end
        if held_count >= slots then
          outcome, count, limit = s, held_count, slots
          free_in_ms = doubts > 0 and free_in(scope_key) or -1
          break
        end
      end
    end
    if s == 1 then
      count, limit = held_count + 1, slots
    end
  end

  -- The index entry first, then the sets (rule 3): what is cut short is never a member that nobody sweeps.
  if mine then
    count = redis.call('ZCARD', KEYS[key])
  elseif outcome == 0 then
    local entry = redis.pcall('HSET', KEYS[6], id, ARGV[arg + 1])
    if type(entry) ~= 'number' then
      outcome = string.find(entry.err, 'OOM', 1, true) and -2 or -1
      -- Who holds the slot already needs no memory for it.
      if redis.call('ZSCORE', KEYS[key], id) == lease then
        outcome, count = 0, count - 1
      end
    else
      for s = 1, scopes do
        if redis.call('ZADD', KEYS[key + s - 1], 'NX', lease, id) == 0 then
          if redis.call('ZSCORE', KEYS[key + s - 1], id) ~= lease then
            outcome = -3
          elseif s == 1 then
            count = count - 1
          end
        end
      end
      if outcome == -3 then
        for s = 1, scopes do
          if redis.call('ZSCORE', KEYS[key + s - 1], id) == lease then
            redis.call('ZREM', KEYS[key + s - 1], id)
          end
        end
        redis.call('HDEL', KEYS[6], id)
      end
    end
  end

  reply[out + 1], reply[out + 2], reply[out + 3], reply[out + 4] = outcome, count, limit, free_in_ms
  out, arg, key = out + 4, arg + 3 + scopes, key + scopes
end
return reply
