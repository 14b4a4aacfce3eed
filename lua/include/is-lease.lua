-- Whether a member of `leases` or `dead` is a lease. Anything else was put there by somebody else; where one is asked for
-- its slots, its orders or its number, the whole call would fail, and with it every node's renewal or every look of an
-- operator.
local function is_lease(member)
  return #member <= 15 and string.find(member, '^%d+$') ~= nil
end
