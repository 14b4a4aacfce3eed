-- confirm: takes orders back that their owner has carried out, or whose connection is gone.
--
-- Guarantee: removes only what the acting lease was ordered; harmless twice. The node says it once the store has
-- confirmed the release, because until then the order keeps others from ordering one more.
--
-- KEYS  1 admission  2 meta  3... orders:<kind> of each order
-- ARGV  1 'confirm'  2 lease  3 token  4... connection ids
-- Returns {'lost'|'fenced'|'stale'} | {'ok'}
-- @include fence
for i = 4, #ARGV do
  if redis.call('ZSCORE', KEYS[i - 1], ARGV[i]) == ARGV[2] then
    redis.call('ZREM', KEYS[i - 1], ARGV[i])
  end
end
return { 'ok' }
