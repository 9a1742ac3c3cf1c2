#!lua
-- Keeps or returns the record of spent reads, with the time by this server's clock and the name of this server's life.
-- KEYS: lease, budget
-- ARGV: 1 fence, 2 the record to keep, 3 which save of this fence it is; without them the record is returned
-- Answer: 0 if the lease is not this fence's, 1 if it was kept or a later one was before; or the record, its age in ms, and
-- 1 if it was kept in this very life, else 0; or nothing
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
-- Not every server tells its life. One that is not known is never the same.
local server = redis.pcall('INFO', 'server')
local life = type(server) == 'string' and server:match('run_id:(%x+)') or ''
if ARGV[2] then
  local last = redis.call('HMGET', KEYS[2], 'fence', 'save')
  -- A save whose caller gave up may still be on its way, and come after those that followed it.
  if last[1] ~= ARGV[1] or tonumber(last[2] or '0') <= tonumber(ARGV[3]) then
    redis.call('HSET', KEYS[2], 'record', ARGV[2], 'ms', string.format('%.0f', now), 'life', life, 'fence', ARGV[1], 'save', ARGV[3])
  end
  return 1
end
local kept = redis.call('HMGET', KEYS[2], 'record', 'ms', 'life')
if not kept[1] then
  return {}
end
return {kept[1], string.format('%.0f', math.max(0, now - tonumber(kept[2] or '0'))), life ~= '' and kept[3] == life and '1' or '0'}
