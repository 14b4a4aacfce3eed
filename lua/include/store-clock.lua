-- The store's clock: advanced by clamp(TIME - last TIME, 0, cap), so that neither a jump nor a freeze of Redis's clock
-- expires anybody. TIME is read once. Expects `cap_ms`.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local before = redis.call('HMGET', KEYS[2], 'clock', 'time', 'epoch')
local clock = (tonumber(before[1]) or 0) + math.max(0, math.min(cap_ms, now - (tonumber(before[2]) or now)))
redis.call('HSET', KEYS[2], 'clock', clock, 'time', now)
