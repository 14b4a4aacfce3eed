-- restore: writes back what operators had set, from a node's memory, after the store has lost its own (R1).
--
-- Guarantee: only while admissions wait, and only where the store has nothing, an older version, or a record of the same
-- version that no node has written, so that several nodes may write back the same, in any order. Where it is there
-- already, the sooner end counts, and what is in force is found anew. What somebody has set or cleared in this life of
-- the store wins over anything from before, and its version is raised above what is offered, so that it also does in the
-- next.
-- Works at the memory limit: what is written was there before.
--
-- KEYS  1 admission  2 meta  3 overrides  4 override-versions  5 override-expiry  6 override-clears
--       7... the org's set of each record
-- ARGV  1 'restore'  2 lease  3 token  4 n
--       then per record: 'override'|'tier', version, limit in slots ('' = cleared), ms until it ends or '', details
-- Returns {'lost'|'fenced'|'stale'} | {'ok', 'written'|'known'|'over', ...} one word a record
-- @include fence
-- @include allow-oom
local first, epoch = 3, string.match(ARGV[3], ':(.*)$')
-- @include overrides
local store = redis.call('HMGET', KEYS[2], 'recovery', 'clock', 'overrideVersion')
local latest, reply = tonumber(store[3] or 0), { 'ok' }

for i = 1, tonumber(ARGV[4]) do
  local arg, word = 5 * i, 'known'
  local field, version, lasts = ARGV[arg] .. ':' .. KEYS[6 + i], tonumber(ARGV[arg + 1]), tonumber(ARGV[arg + 3])
  local held = redis.call('HGET', records, field) or ''
  local set_in = string.match(held, '^%-?%d+ (%w*)\n') or string.match(held, '^ (%w*)\n')
  local at, details = tonumber(redis.call('ZSCORE', versions, field) or 0), ARGV[arg + 4]
  if not store[1] then
    word = 'over'
  elseif set_in == epoch then
    if at <= version then
      latest = math.max(latest, version) + 1
      redis.call('ZADD', versions, latest, field)
      redis.call('ZADD', clears, 'XX', latest, field)
    end
  elseif at < version or at == version and not set_in then
    word, latest = 'written', math.max(latest, version)
    write_record(field, version, ARGV[arg + 2], '', lasts and tonumber(store[2]) + lasts, details)
  else
    -- The same, from an old snapshot: its clock stood still since, and the node's did not.
    if lasts and at == version and string.match(held, '\n(.*)$') == details then
      redis.call('ZADD', expiry, 'XX', 'LT', tonumber(store[2]) + lasts, field)
    end
    put_in_force(KEYS[6 + i])
  end
  reply[i + 1] = word
end
if latest > 0 then
  redis.call('HSET', KEYS[2], 'overrideVersion', latest)
end
return reply
