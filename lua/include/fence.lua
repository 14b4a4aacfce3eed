-- The fence of a verb that asks `admission` for nothing else.
local held, meta = redis.call('HGET', KEYS[1], ARGV[2]), KEYS[2]
-- @include fence-of-held
