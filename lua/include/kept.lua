-- What is kept of the org's limit for claims that have priority: so many slots, or a share of them. Expects `slots`, the
-- limit in force, and lowers it; sets `kept`.
if keeps and s == 1 then
  kept = slots < 0 and 0 or share == '' and math.min(slots, keeps) or math.floor(slots * keeps / 100)
  slots = slots - kept
end
