-- Rule 1, fence first: the lease lives, in this generation, in this epoch; else a refusal that says which.
-- `admission` maps a live lease to its token `generation:epoch`, so one look decides all three. Another epoch or none
-- means that the store lost its memory ('lost'), which must never be mistaken for a lease declared dead ('fenced'). So
-- does an `admission` that has no `about`: somebody has taken it away, and with it all leases, of which none was dead.
-- While the store recovers, the token carries a mark (`generation:epoch:mark`); `marked` tells the verbs that care.
-- Expects `held`, what `admission` says of the lease, and `meta`, the key.
local marked = false
if held ~= ARGV[3] then
  marked = held and string.sub(held, 1, #ARGV[3] + 1) == ARGV[3] .. ':'
  if not marked then
    local is_whole = redis.call('HEXISTS', KEYS[1], 'about') == 1
    if not is_whole or redis.call('HGET', meta, 'epoch') ~= string.match(ARGV[3], '^%d+:(.*)$') then
      return { 'lost' }
    end
    return { held and 'stale' or 'fenced' }
  end
end
