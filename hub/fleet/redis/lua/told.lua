#!lua flags=no-writes
-- Returns what whoever polls said last of its reading.
-- KEYS: figures
-- Answer: what was said, and how many ms ago; or nothing
local kept = redis.call('HMGET', KEYS[1], 'said', 'ms')
if not kept[1] then
  return {}
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
return {kept[1], string.format('%.0f', math.max(0, now - tonumber(kept[2] or '0')))}
