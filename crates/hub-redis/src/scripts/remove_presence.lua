-- Removes a client from the presence.
--
-- ARGV 4 client    5 `1` to announce
-- Answers with `done` or `more`.

if remove_expired() then return 'more' end
local member = redis.call('HGET', members, ARGV[4])
if member then remove(ARGV[4], member, ARGV[5] == '1') end
return 'done'
