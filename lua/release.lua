-- release: gives slots back.
--
-- Guarantee: removes a member only if its score is the acting lease (rule 2) or its id was made under it, the index entry
-- after the sets (rule 3); harmless twice, and for an id that was never acquired (S4): settling relies on it.
--
-- KEYS  1 admission  2 meta  3 conns:<lease>  4... scope sets, slot by slot
-- ARGV  1 'release'  2 lease  3 token  4 n, then per slot: id, number of scopes
-- Returns {'lost'|'fenced'|'stale'} | {'ok'}
-- @include fence
-- An id begins with the lease under which its node made it. Nobody else speaks under that lease, and a release is the last
-- that a node says of an id: whatever the score is, nobody wants the member any more, so nobody looks (ADR 24). What was
-- made under an earlier lease and reasserted under this one is found by its score.
local lease, prefix = tonumber(ARGV[2]), nil
local arg, key = 5, 4
for _ = 1, tonumber(ARGV[4]) do
  local id, scopes = ARGV[arg], tonumber(ARGV[arg + 1])
  local own = prefix and string.sub(id, 1, #prefix) == prefix
  if not prefix then
    local first, digits = string.match(id, '^((%w+)%-)')
    own = digits and tonumber(digits, 36) == lease
    prefix = own and first
  end
  for s = key, key + scopes - 1 do
    if own or redis.pcall('ZSCORE', KEYS[s], id) == ARGV[2] then
      local removed = redis.pcall('ZREM', KEYS[s], id)
      -- A key of a foreign type holds no slot. Whatever else goes wrong may not be taken for a release.
      if type(removed) ~= 'number' and not string.find(removed.err, 'WRONGTYPE', 1, true) then
        error(removed)
      end
    end
  end
  redis.pcall('HDEL', KEYS[3], id)
  arg, key = arg + 2, key + scopes
end
return { 'ok' }
