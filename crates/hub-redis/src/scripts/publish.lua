-- Publishes to a stream, or past it.
--
-- KEYS then what is known of the idempotency key, if there is one, and the last version, if there is one: while a
--      Cluster moves a slot, it refuses scripts that name keys which do not exist
-- ARGV 8 length of the content    9 record    10 ms for which the idempotency key is remembered, or ''
--      11 version in 20 digits, or ''    12 its epoch    13 PUBLISH or SPUBLISH    14 what is subscribed to
-- Answers with the outcome (0 published, 1 known, 2 too long), the generation, and the position: offset, epoch.

local is_kept = max_size > 0
local known_key, version_key = KEYS[4], KEYS[#KEYS]

if ARGV[10] ~= '' then
  local known = redis.call('GET', known_key)
  if known then
    local expiry, offset, epoch = string.match(known, '^(%d+):(%d*):(.*)$')
    if tonumber(expiry) > now then return { 1, generation, offset, epoch } end
  end
end

if is_kept and tonumber(ARGV[8]) > max_bytes then return { 2, generation, '', '' } end

local is_covered = false
if ARGV[11] ~= '' then
  local last = redis.call('GET', version_key)
  if last then
    local expiry, version, epoch = string.match(last, '^(%d+):(%d+):(.*)$')
    local is_comparable = ARGV[12] == '' or ARGV[12] == epoch
    is_covered = tonumber(expiry) > now and is_comparable and ARGV[11] <= version
  end
end

local offset, epoch = '', ''
if is_kept then
  local stream = open()
  if not is_covered then
    stream.top = stream.top + 1
    -- If memory is full, this is refused, and nothing was written.
    redis.call('XADD', entries, integer(stream.top) .. '-0', '1', ARGV[9])
    redis.call('RPUSH', sizes, ARGV[8] .. ':' .. integer(now))
    stream.bytes, stream.count = stream.bytes + tonumber(ARGV[8]), stream.count + 1
    trim(stream)
    redis.call('PEXPIRE', entries, integer(ttl))
    redis.call('PEXPIRE', sizes, integer(ttl))
  end
  save(stream)
  offset, epoch = integer(stream.top), stream.epoch
end

if ARGV[10] ~= '' then
  local expiry = integer(now + tonumber(ARGV[10]))
  redis.call('SET', known_key, expiry .. ':' .. offset .. ':' .. epoch, 'PX', ARGV[10])
end
if is_covered then return { 1, generation, offset, epoch } end
if ARGV[11] ~= '' then
  local expiry = integer(now + keep)
  redis.call('SET', version_key, expiry .. ':' .. ARGV[11] .. ':' .. ARGV[12], 'PX', integer(keep))
end
redis.call(ARGV[13], ARGV[14], '1P' .. offset .. ':' .. epoch .. ':' .. ARGV[9])
return { 0, generation, offset, epoch }
