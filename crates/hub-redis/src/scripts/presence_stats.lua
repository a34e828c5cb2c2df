-- Counts the presence.
--
-- Answers with `more`, or with the number of clients and of users.

if remove_expired() then return 'more' end
return { redis.call('HLEN', members), redis.call('HLEN', users) }
