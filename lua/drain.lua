-- drain: orders a node to stop.
--
-- Guarantee: the node is told by every renewal until it leaves, and the order ends with its lease. One whose lease is not
-- live is ordered nothing. Frees no slot and refuses nobody: that is the node's to do. Harmless twice. Works at the memory
-- limit.
--
-- KEYS  1 admission  2 meta  3 orders:drain
-- ARGV  1 'drain'  2 lease (the caller's)  3 token  4 lease that is to stop
-- Returns {'lost'|'fenced'|'stale'} | {'ok', 'ordered'|'leaving'|'gone'}
-- @include fence
-- @include allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[4]) == 0 then
  return { 'ok', 'gone' }
end
local added = redis.call('ZADD', KEYS[3], ARGV[4], ARGV[4])
return { 'ok', added == 1 and 'ordered' or 'leaving' }
