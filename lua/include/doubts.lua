-- Tells acquire, in the field that it reads anyway, whether any lease is dead and unswept or late. Usually none is, and
-- then a refusal asks no further. Set by every verb that makes a lease dead or late; a renewal clears it. Returns 1 or 0.
local function mark_doubts(dead_key, late_key)
  if redis.call('EXISTS', dead_key, late_key) > 0 then
    redis.call('HSET', KEYS[1], 'doubts', 1)
    return 1
  end
  redis.call('HDEL', KEYS[1], 'doubts')
  return 0
end
