-- Renews a client that is present. Unlike adding, this is possible while memory is full.
--
-- ARGV 4 client    5 ttl in ms
-- Answers with `done`, `more`, or `full` if the client is not there.

if remove_expired() then return 'more' end
local ttl = tonumber(ARGV[5])
if not redis.call('ZSCORE', deadlines, ARGV[4]) then return 'full' end
redis.call('ZADD', deadlines, 'XX', integer(now + ttl), ARGV[4])
prolong(ttl)
return 'done'
