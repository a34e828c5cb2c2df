-- Adds a client to the presence, or renews it.
--
-- ARGV 3 client    4 user    5 `1` to announce    6 record of the join    7 ttl in ms    8 clients at most
-- Answers with `done`, `more`, or `full`.

if remove_expired() then return 'more' end

local client, user, ttl = ARGV[3], ARGV[4], tonumber(ARGV[7])
local member = ARGV[5] .. #user .. ':' .. user .. ARGV[6]
local before = redis.call('HGET', members, client)
if not before and redis.call('HLEN', members) >= tonumber(ARGV[8]) then return 'full' end

redis.call('ZADD', deadlines, integer(now + ttl), client)
if before ~= member then
  redis.call('HSET', members, client, member)
  local user_before = before and select(2, parts(before))
  if user_before ~= user then
    redis.call('HINCRBY', users, user, 1)
    if user_before then uncount(user_before) end
  end
end
prolong(ttl)
if not before and ARGV[5] == '1' then announce('J', ARGV[6]) end
return 'done'
