-- sweep: removes what a dead lease left, in bounded steps. The only verb that deletes members of the dead (rule 4), but for
-- the one that a takeover hands on.
--
-- Guarantee: touches nothing of a lease that is not in `dead`, and no member whose score is another lease (rule 2), so
-- any node may do it, several at once, and late. The lease is forgotten only when its index is empty.
--
-- KEYS  1 admission  2 meta  3 dead  4 nodes  5 conns:<dead lease>  6... scope sets of the entries, entry by entry
-- ARGV  1 'sweep'  2 lease (the caller's)  3 token  4 dead lease  5 how many entries to return  6 n
--       then per entry of the previous reply: id, number of scopes
-- Returns {'lost'|'fenced'|'stale'} | {'ok', id, index entry, ...}: the next entries; none when the lease is forgotten
-- @include fence
if redis.call('SISMEMBER', KEYS[3], ARGV[4]) == 0 then
  return { 'ok' }
end
local arg, key = 7, 6
for _ = 1, tonumber(ARGV[6]) do
  local id, scopes = ARGV[arg], tonumber(ARGV[arg + 1])
  for s = key, key + scopes - 1 do
    if redis.pcall('ZSCORE', KEYS[s], id) == ARGV[4] then
      redis.call('ZREM', KEYS[s], id)
    end
  end
  redis.call('HDEL', KEYS[5], id)
  arg, key = arg + 2, key + scopes
end
local next_entries = redis.pcall('HRANDFIELD', KEYS[5], ARGV[5], 'WITHVALUES')
if next_entries.err then
  -- Somebody else has written there. Whoever asks must not take that for a store that fails, and the lease stays dead: its
  -- slots count for nobody.
  return { 'ok' }
end
if #next_entries == 0 then
  redis.call('SREM', KEYS[3], ARGV[4])
  redis.call('HDEL', KEYS[4], ARGV[4])
end
return { 'ok', unpack(next_entries) }
