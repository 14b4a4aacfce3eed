-- The limits of a claim, one a scope, and behind a '/' what is kept of the org's for claims that have priority: slots, or
-- a share of it as in '20%'. Most claims have one scope and leave nothing to others, and then the text is the number.
-- Expects `arg`.
local only, scopes, each, keeps, share = tonumber(ARGV[arg + 2]), 1, nil, nil, nil
if not only then
  local limits
  limits, keeps, share = string.match(ARGV[arg + 2], '^([^/]+)/?(%d*)(%%?)$')
  keeps, each = tonumber(keeps), {}
  for slots in string.gmatch(limits, '[^,]+') do
    each[#each + 1] = tonumber(slots)
  end
  scopes = #each
end
