-- learn: what operators have set and cleared since a version. Read-only.
--
-- Guarantee: who asks again and again, each time after the `next` of the reply before, has every record in its latest
-- version once `more` is 0, but for those that nodes have written back meanwhile: these keep their versions, which may be
-- below what was asked for already. So who has asked while the store recovered begins anew at 0 once that is over, from
-- when on versions only grow. Who asks after a version below `floor` may have missed a clear that is forgotten, and must
-- begin anew at 0.
--
-- KEYS  1 admission  2 meta  3 overrides  4 override-versions  5 override-expiry
-- ARGV  1 'learn'  2 lease  3 token  4 after which version  5 how many at most
-- Returns {'lost'|'fenced'|'stale'} | {'ok', floor, next, 1 if there is more,
--         then per record: field, version, ms until it ends or '', record}
-- @include fence
local after, most = tonumber(ARGV[4]), tonumber(ARGV[5])
local known = redis.call('HMGET', KEYS[2], 'overrideFloor', 'clock')
local page = redis.call('ZRANGEBYSCORE', KEYS[4], '(' .. ARGV[4], '+inf', 'WITHSCORES', 'LIMIT', 0, most)
local full = #page == 2 * most
local next = tonumber(page[#page] or after)
-- Records that come from two lives of the store may share a version: the last one of a full page is asked for again.
if full and next - 1 > after then
  next = next - 1
end
local reply = { 'ok', tonumber(known[1] or 0), next, full and 1 or 0 }
for i = 1, #page, 2 do
  local due = redis.call('ZSCORE', KEYS[5], page[i])
  reply[#reply + 1] = page[i]
  reply[#reply + 1] = page[i + 1]
  reply[#reply + 1] = due and math.max(0, tonumber(due) - tonumber(known[2])) or ''
  reply[#reply + 1] = redis.call('HGET', KEYS[3], page[i])
end
return reply
