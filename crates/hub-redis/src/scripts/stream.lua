-- Beginning of the scripts that use a channel's stream. Scripts of different versions run beside one another: a key's
-- format changes only together with its name.
--
-- KEYS 1 position: hash of epoch, top (the newest offset), bytes (of all entries), used (time of the last use), keep (ms
--        for which it is remembered after that), generation (the server's life in which the epoch was confirmed)
--      2 entries: stream with the ids `offset-0`, field `1` (the format) = record
--      3 sizes: list of `length:time`, one for each entry
-- ARGV 1 the generation that the node knows, or '-' not to compare it    2 now in ms, or '' for the clock of the server
--      3 the epoch of a stream that begins    4-7 the stream's bounds: size, bytes, ttl in ms, meta ttl in ms

local position, entries, sizes = KEYS[1], KEYS[2], KEYS[3]
local max_size, max_bytes, ttl, keep = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])

-- A stream to which nothing was published is forgotten after a day: anybody who subscribes makes one.
local EMPTY_KEEP = 86400000

local function integer(number)
  return string.format('%.0f', number)
end

local function clock()
  if ARGV[2] ~= '' then return tonumber(ARGV[2]) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local now = clock()
local generation = ARGV[1]

-- The identity of the server's data. It is another one after a restart and after a failover.
local function current_generation()
  return string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
end

-- Redis refuses to exceed its memory only before a script has written anything, so nothing is removed for nothing.
local function remove_entries()
  if redis.call('EXISTS', entries, sizes) > 0 then redis.call('DEL', entries, sizes) end
end

local function new_stream()
  remove_entries()
  if generation ~= '-' then generation = current_generation() end
  return { epoch = ARGV[3], top = 0, bytes = 0, count = 0, generation = generation, is_unsaved = true }
end

-- The stream. Nothing is written of one that begins.
local function open()
  local held = redis.call('HMGET', position, 'epoch', 'top', 'bytes', 'used', 'keep', 'generation')
  if not held[1] or tonumber(held[4]) + tonumber(held[5]) <= now then return new_stream() end
  local stream = { epoch = held[1], top = tonumber(held[2]), bytes = tonumber(held[3]), generation = held[6] }
  if generation ~= '-' and generation ~= held[6] then
    generation = current_generation()
    if generation ~= held[6] then
      -- The newest entries may be lost, although clients have seen them.
      stream.epoch, stream.generation, stream.is_unsaved = ARGV[3], generation, true
    end
  end
  stream.count = redis.call('LLEN', sizes)
  if stream.count ~= redis.call('XLEN', entries) then
    -- Redis has evicted one of the keys.
    remove_entries()
    stream.count = 0
  end
  if stream.count == 0 then stream.bytes = 0 end
  return stream
end

-- Writes the stream's position. This is refused if memory is full.
local function save(stream)
  redis.call('HSET', position, 'epoch', stream.epoch, 'top', integer(stream.top), 'bytes', integer(stream.bytes),
    'used', integer(now), 'keep', integer(keep), 'generation', stream.generation)
  local life = keep
  if stream.top == 0 and life > EMPTY_KEEP then life = EMPTY_KEEP end
  redis.call('PEXPIRE', position, integer(life))
end

-- Drops the oldest entries that exceed the bounds.
local function trim(stream)
  local dropped = 0
  while dropped < stream.count do
    local length, time = string.match(redis.call('LINDEX', sizes, dropped), '(%d+):(%d+)')
    local fits = stream.count - dropped <= max_size and stream.bytes <= max_bytes
    if fits and tonumber(time) + ttl > now then break end
    stream.bytes = stream.bytes - tonumber(length)
    dropped = dropped + 1
  end
  if dropped == 0 then return end
  stream.count = stream.count - dropped
  if stream.count == 0 then
    redis.call('DEL', entries, sizes)
  else
    redis.call('LTRIM', sizes, dropped, -1)
    redis.call('XTRIM', entries, 'MINID', integer(stream.top - stream.count + 1))
  end
end
