-- How what operators have set for orgs is written. An org has up to two records, an override and a tier, each under
-- `<kind>:<name of the org's set>`. A record is `<slots> <epoch>`, a line break, and details for people; without slots it
-- is a clear, which is remembered so that no node brings back what it missed the end of. The epoch is that of the life of
-- the store in which somebody set it, and empty where a node has written it back or its time was over.
-- Expects `first`: where the keys overrides, override-versions, override-expiry and override-clears begin among KEYS.
local records, versions, expiry, clears = KEYS[first], KEYS[first + 1], KEYS[first + 2], KEYS[first + 3]
local CLEARS_REMEMBERED = 1000

-- Nil for a clear, and for a record that no node has written. `readRecord` of the nodes reads it in the same way.
local function slots_of(record)
  return string.match(record or '', '^(%-?%d+) %w*\n')
end

-- The number that acquire reads, in the field of the org's set: the override's, else the tier's, else none.
local function put_in_force(set)
  local found = redis.call('HMGET', records, 'override:' .. set, 'tier:' .. set)
  local slots = slots_of(found[1]) or slots_of(found[2])
  if slots then
    redis.call('HSET', KEYS[1], set, slots)
  else
    redis.call('HDEL', KEYS[1], set)
  end
end

-- `due` is when it ends on the store's clock, nil for never.
local function write_record(field, version, slots, epoch, due, details)
  redis.call('HSET', records, field, slots .. ' ' .. epoch .. '\n' .. details)
  redis.call('ZADD', versions, version, field)
  redis.call('ZREM', expiry, field)
  redis.call('ZREM', clears, field)
  if slots == '' then
    redis.call('ZADD', clears, version, field)
    if redis.call('ZCARD', clears) > CLEARS_REMEMBERED then
      local oldest = redis.call('ZPOPMIN', clears)
      redis.call('HDEL', records, oldest[1])
      redis.call('ZREM', versions, oldest[1])
      local floor = tonumber(redis.call('HGET', KEYS[2], 'overrideFloor') or 0)
      redis.call('HSET', KEYS[2], 'overrideFloor', math.max(floor, tonumber(oldest[2])))
    end
  elseif due then
    redis.call('ZADD', expiry, due, field)
  end
  -- A field without a colon is none of ours, and names no set.
  put_in_force(string.match(field, ':(.*)$') or '')
end
