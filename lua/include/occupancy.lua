-- Slots of live leases in a scope of `card` members (rule 4). Only a full scope is counted so. Small sets are looked
-- at member by member; of large ones the shares of the dead are subtracted: counting 50,000 members by score costs
-- microseconds, deleting them here would block Redis for 20 ms.
local SMALL_SET = 32
local function occupancy(admission_key, dead_key, scope_key, card)
  local gone = card > SMALL_SET and redis.call('SMEMBERS', dead_key)
  -- After many have died at once even larger ones are cheaper to look at than to ask for each of the dead.
  if not gone or card <= #gone then
    local members = redis.call('ZRANGE', scope_key, 0, -1, 'WITHSCORES')
    local lives, count = {}, 0
    for i = 2, #members, 2 do
      local lease = members[i]
      if lives[lease] == nil then
        lives[lease] = redis.call('HEXISTS', admission_key, lease)
      end
      count = count + lives[lease]
    end
    return count
  end
  for _, lease in ipairs(gone) do
    card = card - redis.call('ZCOUNT', scope_key, lease, lease)
  end
  return card
end
