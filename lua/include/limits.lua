-- The limits of a claim, one a scope. Most claims have one scope, and then the text is the number. Expects `arg`.
local only, scopes, each = tonumber(ARGV[arg + 2]), 1, nil
if not only then
  each = {}
  for slots in string.gmatch(ARGV[arg + 2], '[^,]+') do
    each[#each + 1] = tonumber(slots)
  end
  scopes = #each
end
