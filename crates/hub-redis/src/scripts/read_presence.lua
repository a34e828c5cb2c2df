-- Reads the presence.
--
-- ARGV 4 limit
-- Answers with `more`, or with the members.

if remove_expired() then return 'more' end
local limit = tonumber(ARGV[4])
local answer = {}
if limit == 0 then return answer end
local clients = redis.call('ZRANGE', deadlines, 0, limit - 1)
for _, client in ipairs(clients) do
  local _, _, record = parts(redis.call('HGET', members, client))
  answer[#answer + 1] = record
end
return answer
