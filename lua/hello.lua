-- hello: the first call on every connection. Opens a new lease, or the known one with a higher generation.
--
-- Guarantee: from here on every call of an older generation is refused, however late the network delivers it. If the
-- store is not the one its memory speaks of (wiped, restarted, failed over, an old snapshot), or a node comes that was in
-- a later epoch elsewhere, a new epoch begins, every stored lease is dead, and admissions wait until the nodes have
-- reasserted (R1). An epoch is dated later than every one that whoever began it knows of. A lease that died is never opened
-- again (S3); one of which nothing is left is not remembered, and a first hello that came for it would open an empty
-- lease, which its node does not take for the one it had. A first hello that is said again, because nobody heard the
-- answer, replaces what the one before opened: nothing was said under that.
--
-- KEYS  1 admission  2 meta  3 leases  4 late  5 dead  6 nodes  7 orders:evict  8 orders:surplus
--       9 orders:takeover  10 orders:drain  11 probes
-- ARGV  1 'hello'  2 lease  3 generation  4 token last answered; for a new lease '', or ':' and the epoch the node had the
--       one before in  5 proposed epoch
--       6 '1' if the node has anything to tell a recovering store: connections, or what operators have set  7 ttl ms
--       8 clock step cap ms  9 recovery ms  10 recovery limit ms
--       11 node info (JSON)  12 proposed secret of resume tokens  13 over how many buckets nodes spread their orgs
-- Returns {'buckets', how many there are} if that is another number: such a node would look for orgs in other sets
--         | {'lost'|'fenced'|'stale'} | {'ok', epoch, 1 if it began now, ms until admissions resume, eviction policy,
--         the cluster's secret of resume tokens}
-- @include allow-oom
local lease, generation, cap_ms = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[8])
local buckets = redis.call('HGET', KEYS[2], 'buckets')
if buckets and buckets ~= ARGV[13] then
  return { 'buckets', buckets }
end
-- @include store-clock
-- @include recovery
-- @include doubts
-- @include is-lease

-- run_id names the process, master_replid the history of its data: a replica that is promoted, or an old primary that
-- comes back, changes one of them.
local info = redis.call('INFO', 'server') .. redis.call('INFO', 'replication')
local identity = string.match(info, 'run_id:(%w+)') .. ':' .. string.match(info, 'master_replid:(%w+)')
local known = redis.call('HMGET', KEYS[2], 'identity', 'epoch')
local epoch, began = known[2], 0
local known_generation, known_epoch = string.match(ARGV[4], '^(%d*):(.*)$')
local function date_of(name)
  return tonumber(string.match(name or '', 't(%d+)$') or 0)
end
-- An address may lead to another Redis for a while and back to this one, which was asked nothing meanwhile and has not
-- changed: what it holds is as old as any snapshot. Two whose clocks are behind may give their epochs the same date: neither
-- was the later one. So a node's epoch has a later date whenever it has another name, and an old one is known by that.
local passed_by = known_epoch and known_epoch ~= epoch and date_of(known_epoch) >= date_of(epoch)
-- `about` has been in `admission` since the epoch began: without it somebody has taken that key away, and with it what
-- operators have set.
if known[1] ~= identity or not epoch or passed_by or redis.call('HEXISTS', KEYS[1], 'about') == 0 then
  -- The hello that proposed the name may come again in a later life, of the same memory or of none: so the name has the
  -- time in it, and a date later than all that is known here, because clocks differ and go back.
  local date = math.max(now, date_of(epoch) + 1, date_of(known_epoch) + 1)
  epoch, began = ARGV[5] .. now .. 't' .. date, 1
  for _, old in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
    if is_lease(old) then
      redis.call('SADD', KEYS[5], old)
      redis.call('HDEL', KEYS[1], old)
    end
  end
  redis.call('DEL', KEYS[3], KEYS[4], KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[11])
  mark_doubts(KEYS[5], KEYS[4])
  redis.call('HSET', KEYS[2], 'identity', identity, 'epoch', epoch)
  -- A value longer than 64 bytes keeps `admission` a hash table whatever it holds: acquire looks fields up in it, and in
  -- the compact form Redis has for small hashes each look that finds nothing reads the whole.
  local about = 'lease: its token; name of an org set: its override in slots; doubts: a lease is dead or late'
  redis.call('HSET', KEYS[1], 'about', about)
  if tonumber(ARGV[10]) > 0 then
    redis.call('HSET', KEYS[2], 'recovery', clock + tonumber(ARGV[9]), 'recoveryLimit', clock + tonumber(ARGV[10]))
  end
end

local held = redis.call('HGET', KEYS[1], lease)
local held_generation = held and tonumber(string.match(held, '^%d+'))
local is_known = known_epoch and known_generation ~= ''
if is_known then
  if known_epoch ~= epoch then
    return { 'lost' }
  end
  -- A lower generation than was ever answered is another life, begun by a first hello that came after the death.
  if not held or held_generation < tonumber(known_generation) then
    return { 'fenced' }
  end
-- A first hello that the network delivers when the lease has already died, or when its death was cut short, must not
-- bring its members back to life.
elseif not held and (redis.call('SISMEMBER', KEYS[5], lease) == 1 or redis.call('ZSCORE', KEYS[3], lease)) then
  return { 'fenced' }
end
if held and held_generation >= generation then
  return { 'stale' }
end

local token = generation .. ':' .. epoch
if is_known then
  token = token .. (string.match(held, '^%d+:%w+(:%w+)$') or '')
else
  if redis.call('HEXISTS', KEYS[2], 'recovery') == 1 then
    token = token .. (ARGV[6] == '1' and ':reasserting' or ':recovering')
  end
  redis.call('HSET', KEYS[6], lease, ARGV[11])
end
redis.call('HSET', KEYS[1], lease, token)
redis.call('ZADD', KEYS[3], clock + tonumber(ARGV[7]), lease)
redis.call('ZREM', KEYS[4], lease)

local policy = string.match(redis.call('INFO', 'memory'), 'maxmemory_policy:([%w-]+)') or ''
redis.call('HSETNX', KEYS[2], 'resumeSecret', ARGV[12])
redis.call('HSETNX', KEYS[2], 'buckets', ARGV[13])
return { 'ok', epoch, began, recovery_left(), policy, redis.call('HGET', KEYS[2], 'resumeSecret') }
