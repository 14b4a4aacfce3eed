-- inspect: what operators see. Read-only, so it works on a replica; needs no lease.
--
-- Guarantee: counts and lists only slots of live leases: what is shown is true. Of a member of `leases` that is none,
-- which somebody else has put there, nothing is told: one such must not keep operators from all the others.
--
-- KEYS  1 admission  2 dead  3 leases  4 meta  5 nodes  6... org sets
-- ARGV  1 'inspect'  2 'orgs'     of each org set
--                    2 'holders'  3 how many at most (of the one org set)
--                    2 'nodes'
-- Returns orgs:    {count, override in slots | '', ...} for each org, count -1 where the key has a foreign type
--         holders: {id, lease, ...}
--         nodes:   {lease, ms until it expires, node info, ...}
-- @include occupancy
-- @include is-lease
local reply = {}
if ARGV[2] == 'orgs' then
  for i = 6, #KEYS do
    local card = redis.pcall('ZCARD', KEYS[i])
    if type(card) == 'number' then
      card = occupancy(KEYS[1], KEYS[2], KEYS[i], card)
    else
      card = -1
    end
    reply[#reply + 1] = card
    reply[#reply + 1] = redis.call('HGET', KEYS[1], KEYS[i]) or ''
  end
elseif ARGV[2] == 'holders' then
  -- Lease by lease, so that however many leftovers of the dead stand before them, the living are found.
  local left = tonumber(ARGV[3])
  for _, lease in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
    if left > 0 and is_lease(lease) then
      for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[6], lease, lease, 'LIMIT', 0, left)) do
        reply[#reply + 1] = id
        reply[#reply + 1] = lease
        left = left - 1
      end
    end
  end
elseif ARGV[2] == 'nodes' then
  local clock = tonumber(redis.call('HGET', KEYS[4], 'clock') or 0)
  local leases = redis.call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES')
  for i = 1, #leases, 2 do
    if is_lease(leases[i]) then
      reply[#reply + 1] = leases[i]
      reply[#reply + 1] = tonumber(leases[i + 1]) - clock
      reply[#reply + 1] = redis.call('HGET', KEYS[5], leases[i]) or ''
    end
  end
end
return reply
