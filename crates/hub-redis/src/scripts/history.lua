-- Reads a page of a stream, and its position.
--
-- ARGV 8 `forward` or `backward`    9 limit    10 offset to start from, or ''    11 its epoch, or '' for any
-- Answers with the outcome (0 a page, 1 another epoch), the generation, the position, and the entries.

local stream = open()
if stream.is_unsaved then
  trim(stream)
  save(stream)
else
  -- If memory is full, the page can be read although its reading cannot be noted.
  local noted = redis.pcall('HSET', position, 'used', integer(now))
  if not (type(noted) == 'table' and noted.err) then
    trim(stream)
    save(stream)
  end
end

if ARGV[11] ~= '' and ARGV[11] ~= stream.epoch then
  return { 1, generation, integer(stream.top), stream.epoch, {} }
end

local first, last, limit = stream.top - stream.count + 1, stream.top, tonumber(ARGV[9])
local found = {}
if ARGV[8] == 'forward' then
  if ARGV[10] ~= '' then first = math.max(first, tonumber(ARGV[10]) + 1) end
  if limit > 0 and first <= last then
    found = redis.call('XRANGE', entries, integer(first), integer(last), 'COUNT', limit)
  end
else
  if ARGV[10] ~= '' then
    local before = tonumber(ARGV[10]) - 1
    last = before > stream.top and -1 or math.min(last, before)
  end
  if limit > 0 and first <= last then
    found = redis.call('XREVRANGE', entries, integer(last), integer(first), 'COUNT', limit)
  end
end
return { 0, generation, integer(stream.top), stream.epoch, found }
