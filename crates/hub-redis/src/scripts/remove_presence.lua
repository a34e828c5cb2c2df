-- Removes a client from the presence.
--
-- ARGV 3 client    4 `1` to announce
-- Answers with `done` or `more`.

if remove_expired() then return 'more' end
local member = redis.call('HGET', members, ARGV[3])
if member then remove(ARGV[3], member, ARGV[4] == '1') end
return 'done'
