-- acquire: takes a slot in every scope of a claim, or in none. It and `takeover` alone admit.
--
-- Guarantee: no admission makes the slots of live leases exceed the limit in force (S1); a refusal leaves nothing
-- behind (S2); a claim already held under this lease takes nothing, and asked `again` it is admitted again, full or not
-- (S4); a broken key of one claim touches no other (S5); a scope with room for the living admits (S6).
--
-- It is asked in short, with the keys that the usual answer needs. If the fence does not hold or any lease is in doubt, it
-- says 'whole' before anything is written, and is to be asked again in whole. Every key or argument costs each call some 2 %.
--
-- KEYS  1 admission  2 conns:<lease>  3... scope sets, claim by claim, org first
--       in whole then: meta, dead, late
-- ARGV  1 'acquire'  2 lease  3 token
--       then per claim: id, index entry, limits in slots, one a scope, joined by commas (-1 = unlimited), and where
--       something of the org's is kept for others, '/' and how many slots, or '/' and a share as in '20%'
--       in whole then: 'whole', or 'again' if any of the claims may have been asked before
--       (how many claims there are follows from how many arguments)
-- Returns {'whole'} | {'lost'|'fenced'|'stale'} | {'recovering', ms} | {'ok', then per claim one of:} | of one claim its
--       number alone:
--       count > 0    admitted; the org's slots, this one included, under the limit as given
--       -count <= 0  refused; the org is full under the limit as given, and no lease is in doubt
--       {outcome, count, limit, free_in_ms}, and as a fifth, where the claim keeps something for others, how many slots
--         are kept of the limit in force; `limit` is what is left
--         outcome 0 admitted, under an override | s > 0 refused, scope s is full
--                 | -1 a key has a foreign type | -2 memory limit | -3 the id is held by another live lease
--         free_in_ms: when the soonest late holder would be free, -1 if none is late

-- One look tells all that is not in the sets: the token of the lease, whether any lease is in doubt, and the override
-- of each scope under the name of its set. Most calls bring one set; `unpack` of it would cost them 3 %.
local known = redis.call('HMGET', KEYS[1], ARGV[2], 'doubts', KEYS[3] or '', unpack(KEYS, 4))
local held, doubts, lease, n = known[1], known[2], ARGV[2], math.floor(#ARGV / 3) - 1
local how, meta, dead, late = ARGV[4 + 3 * n], nil, nil, nil
if how then
  meta, dead, late = unpack(KEYS, #KEYS - 2)
elseif doubts or held ~= ARGV[3] then
  return { 'whole' }
end
-- @include fence-of-held
if marked then
  local bounds = redis.call('HMGET', meta, 'recovery', 'clock')
  if bounds[1] then
    return { 'recovering', math.max(0, tonumber(bounds[1]) - tonumber(bounds[2])) }
  end
  redis.pcall('HSET', KEYS[1], ARGV[2], ARGV[3])
end
local again = how == 'again'
local reply = n > 1 and { 'ok' }
local arg, key = 4, 3

for claim = 1, n do
  local id = ARGV[arg]
  -- @include limits
  local override = known[key] and tonumber(known[key])
  local outcome, count, limit, free_in_ms, mine, kept = 0, 0, 0, -1, false, nil

  -- Look at every scope before anything is written.
  for s = 1, scopes do
    local scope_key = KEYS[key + s - 1]
    local slots = s == 1 and override or only or each[s]
    -- @include kept
    local card = redis.pcall('ZCARD', scope_key)
    if type(card) ~= 'number' then
      outcome = -1
      break
    end
    local held_count = card
    if slots >= 0 and card >= slots then
      -- Without `again` nobody asks who holds: that would make every refusal a fifth dearer.
      mine = mine or again and redis.call('ZSCORE', KEYS[key], id) == lease
      if not mine then
        -- Functions that are rarely needed are made only here: making one costs all calls that do without it.
        if doubts then
          -- @include occupancy
          held_count = occupancy(KEYS[1], dead, scope_key, card)
        end
        if held_count >= slots then
          outcome, count, limit = s, held_count, slots
          if doubts then
            -- @include free-in
            free_in_ms = free_in(late, scope_key)
          end
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
    local entry = redis.pcall('HSET', KEYS[2], id, ARGV[arg + 1])
    if type(entry) ~= 'number' then
      outcome = string.find(entry.err, 'OOM', 1, true) and -2 or -1
      -- What is neither out of memory nor a foreign key takes no writes at all, and is no store to ask.
      if outcome == -1 and not string.find(entry.err, 'WRONGTYPE', 1, true) then
        error(entry)
      end
      -- Who holds the slot already needs no memory for it.
      if redis.call('ZSCORE', KEYS[key], id) == lease then
        outcome, count = 0, count - 1
      end
    else
      for s = 1, scopes do
        if redis.call('ZADD', KEYS[key + s - 1], 'NX', lease, id) == 0 then
          local holder = redis.call('ZSCORE', KEYS[key + s - 1], id)
          if holder == lease then
            count = s == 1 and count - 1 or count
          elseif redis.call('HEXISTS', KEYS[1], holder) == 0 then
            -- What a lease that is not live has left is taken over (rule 2): often it was the node's own, the last one.
            redis.call('ZADD', KEYS[key + s - 1], lease, id)
          else
            outcome = -3
          end
        end
      end
      if outcome == -3 then
        for s = 1, scopes do
          if redis.call('ZSCORE', KEYS[key + s - 1], id) == lease then
            redis.call('ZREM', KEYS[key + s - 1], id)
          end
        end
        if entry == 1 then
          redis.call('HDEL', KEYS[2], id)
        end
      end
    end
  end

  -- The usual answers are a number each, and alone they need no list: making one costs as much as a call.
  local verdict
  if outcome == 0 and not override and not keeps then
    verdict = count
  elseif outcome == 1 and not override and not keeps and not doubts then
    verdict = -count
  else
    verdict = { outcome, count, limit, free_in_ms, kept and (outcome < 2 and kept or 0) }
  end
  if n == 1 then
    return type(verdict) == 'number' and verdict or { 'ok', verdict }
  end
  reply[claim + 1] = verdict
  arg, key = arg + 3, key + scopes
end
return reply or { 'ok' }
