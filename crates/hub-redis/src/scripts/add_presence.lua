-- Adds a client to the presence, or renews it.
--
-- ARGV 4 client    5 user    6 `1` to announce    7 record of the join    8 ttl in ms    9 clients at most
-- Answers with `done`, `more`, or `full`.

if remove_expired() then return 'more' end

local client, user, ttl = ARGV[4], ARGV[5], tonumber(ARGV[8])
local member = ARGV[6] .. #user .. ':' .. user .. ARGV[7]
local before = redis.call('HGET', members, client)
if not before and redis.call('HLEN', members) >= tonumber(ARGV[9]) then return 'full' end

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
if not before and ARGV[6] == '1' then announce('J', ARGV[7]) end
return 'done'
