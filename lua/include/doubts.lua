-- Tells acquire, in the field that it reads anyway, whether any lease is dead and unswept or late. Usually none is, and
-- then a refusal asks no further. Set by every verb that makes a lease dead or late; a renewal clears it.
local function mark_doubts(dead_key, late_key)
  if redis.call('EXISTS', dead_key, late_key) > 0 then
    redis.call('HSET', KEYS[1], 'doubts', 1)
  else
    redis.call('HDEL', KEYS[1], 'doubts')
  end
end
