-- When the soonest lease that holds a slot in the scope and has missed a beat will be dead, in ms; -1 if none is late.
-- Expects `meta`, the key.
local function free_in(late_key, scope_key)
  local late = redis.call('ZRANGE', late_key, 0, 15, 'WITHSCORES')
  for i = 1, #late, 2 do
    if redis.call('ZCOUNT', scope_key, late[i], late[i]) > 0 then
      return math.max(0, tonumber(late[i + 1]) - tonumber(redis.call('HGET', meta, 'clock')))
    end
  end
  return -1
end
