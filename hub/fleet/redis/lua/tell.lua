#!lua
-- Keeps what whoever polls says of its reading, with the time by this server's clock.
-- KEYS: lease, figures
-- ARGV: 1 fence, 2 what is said, 3 ms that it lasts
-- Answer: 1, or 0 if the lease is not this fence's
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
local time = redis.call('TIME')
redis.call('HSET', KEYS[2], 'said', ARGV[2], 'ms', string.format('%.0f', tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)))
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1
