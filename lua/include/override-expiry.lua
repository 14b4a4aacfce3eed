-- Ends the overrides and tiers whose time is over; `override_version` tells the nodes whether there is anything to learn.
-- None ends while the store recovers: a node that has yet to write back may know what an operator has said since. Nobody
-- asked for this clear, so it gets no epoch. Where nobody has ever set one this is a single look. Expects `clock`,
-- `recovery_ms`, and the four keys of the overrides from the sixth on.
local override_version = tonumber(redis.call('HGET', KEYS[2], 'overrideVersion') or 0)
if override_version > 0 and recovery_ms == 0 then
  local due = redis.call('ZRANGEBYSCORE', KEYS[8], '-inf', clock, 'LIMIT', 0, 256)
  if #due > 0 then
    local first = 6
    -- @include overrides
    for _, field in ipairs(due) do
      -- A record that cannot be read has none, and ends all the same: an error here would end the renewals of all nodes.
      local details = string.match(redis.call('HGET', records, field) or '', '\n(.*)$') or ''
      override_version = redis.call('HINCRBY', KEYS[2], 'overrideVersion', 1)
      write_record(field, override_version, '', '', nil, details)
    end
  end
end
