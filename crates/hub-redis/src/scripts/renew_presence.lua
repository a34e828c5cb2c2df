-- Renews a client that is present. Unlike adding, this is possible while memory is full.
--
-- ARGV 3 client    4 ttl in ms
-- Answers with `done`, `more`, or `full` if the client is not there.

if remove_expired() then return 'more' end
local ttl = tonumber(ARGV[4])
if not redis.call('ZSCORE', deadlines, ARGV[3]) then return 'full' end
redis.call('ZADD', deadlines, 'XX', integer(now + ttl), ARGV[3])
prolong(ttl)
return 'done'
