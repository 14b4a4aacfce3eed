-- audit: what the store believes of the caller's own lease, for comparison with its open sockets. Read-only.
--
-- Guarantee: runs on the node's own connection, in order with its acquires and releases, so that an entry it returns is
-- one the node has not yet given back.
--
-- KEYS  1 admission  2 meta  3 conns:<lease>  4... scope sets, slot by slot
-- ARGV  1 'audit'  2 lease  3 token  4 cursor of the index, '' for none  5 n, then per slot: id, number of scopes
-- Returns {'lost'|'fenced'|'stale'} |
--       {'ok', next cursor, {id, index entry, ...}, {1 if index and every scope hold the slot under this lease, ...},
--         with the first page the eviction policy, else ''}
-- @include fence
local cursor, entries, whole, policy = '0', {}, {}, ''
if ARGV[4] ~= '' then
  local page = redis.call('HSCAN', KEYS[3], ARGV[4], 'COUNT', 64)
  cursor, entries = page[1], page[2]
end
local arg, key = 6, 4
for slot = 1, tonumber(ARGV[5]) do
  local id, scopes = ARGV[arg], tonumber(ARGV[arg + 1])
  whole[slot] = redis.call('HEXISTS', KEYS[3], id)
  for s = key, key + scopes - 1 do
    if redis.pcall('ZSCORE', KEYS[s], id) ~= ARGV[2] then
      whole[slot] = 0
    end
  end
  arg, key = arg + 2, key + scopes
end
if ARGV[4] == '0' then
  policy = string.match(redis.call('INFO', 'memory'), 'maxmemory_policy:([%w-]+)') or ''
end
return { 'ok', cursor, entries, whole, policy }
