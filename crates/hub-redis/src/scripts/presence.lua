-- Beginning of the scripts that use a channel's presence. Each first removes the clients that have expired.
--
-- KEYS 1 members: hash of client = `announce``length of user`:`user``record of the join`
--      2 deadlines: sorted set of clients by their expiry    3 users: hash of user = number of clients
-- ARGV 1 now in ms, or '' for the clock of the server    2 PUBLISH or SPUBLISH    3 what is subscribed to
--
-- A script that answers with `more` has only removed clients, and is called again.

local members, deadlines, users = KEYS[1], KEYS[2], KEYS[3]

-- How many clients one call removes at most, so that other commands need not wait long.
local BATCH = 500

local function integer(number)
  return string.format('%.0f', number)
end

local function clock()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local now = clock()

-- Whether leaves and joins are announced, the user, and the record.
local function parts(member)
  local length = string.match(member, '^.(%d+):')
  local start = 3 + #length
  local stop = start + tonumber(length)
  return string.sub(member, 1, 1) == '1', string.sub(member, start, stop - 1), string.sub(member, stop)
end

local function uncount(user)
  if redis.call('HINCRBY', users, user, -1) <= 0 then redis.call('HDEL', users, user) end
end

local function announce(kind, record)
  redis.call(ARGV[2], ARGV[3], '1' .. kind .. '::' .. record)
end

-- Removes a client whose member is known. If memory is full, the first command is refused in a script that may not
-- exceed it, and nothing was written.
local function remove(client, member, is_announced)
  local announces, user, record = parts(member)
  uncount(user)
  redis.call('HDEL', members, client)
  redis.call('ZREM', deadlines, client)
  if is_announced == nil then is_announced = announces end
  if is_announced then announce('L', record) end
end

-- Removes clients that have expired. Says whether there may be more.
local function remove_expired()
  local count = redis.call('HLEN', members)
  local has_users = redis.call('HLEN', users) > 0
  if count ~= redis.call('ZCARD', deadlines) or has_users ~= (count > 0) then
    -- Redis has evicted one of the keys. Clients that are still there come back with their next renewal.
    redis.call('DEL', members, deadlines, users)
  end
  local expired = redis.call('ZRANGEBYSCORE', deadlines, '-inf', integer(now), 'LIMIT', 0, BATCH)
  for _, client in ipairs(expired) do
    remove(client, redis.call('HGET', members, client))
  end
  return #expired == BATCH
end

-- Lets the keys live at least this long.
local function prolong(ttl)
  for _, key in ipairs({ members, deadlines, users }) do
    if redis.call('PTTL', key) < ttl then redis.call('PEXPIRE', key, integer(ttl)) end
  end
end
