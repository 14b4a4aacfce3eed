-- Milliseconds until admissions resume, 0 when they are on. Recovery lasts at least until `recovery`, then until every
-- live lease has reasserted, at most until `recoveryLimit` (all on the store's clock). Expects `clock`, and `leases` as
-- the third key.
local function recovery_left()
  local bounds = redis.call('HMGET', KEYS[2], 'recovery', 'recoveryLimit')
  if not bounds[1] then
    return 0
  end
  local over = clock >= tonumber(bounds[2])
  if not over and clock >= tonumber(bounds[1]) then
    over = true
    for _, lease in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
      over = over and string.sub(redis.call('HGET', KEYS[1], lease) or '', -12) ~= ':reasserting'
    end
  end
  if over then
    redis.call('HDEL', KEYS[2], 'recovery', 'recoveryLimit')
    return 0
  end
  return math.max(1, tonumber(bounds[1]) - clock)
end
