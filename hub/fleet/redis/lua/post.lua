#!lua
-- Changes a board: a hash of parts by number, with their manifest under m.
-- KEYS: board, lease or replicas
-- ARGV: 1 fence or '', 2 replica or '', 3 the manifest that should stand, '' for any, 4 the manifest to stand,
--       5 ms until it expires, 6 1 if the parts are all there are, then number and bytes of parts, '' for one that goes
-- Answer: done, lost or foreign
local board = KEYS[1]
if ARGV[1] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return 'lost'
end
if ARGV[6] == '1' then
  redis.call('DEL', board)
elseif (redis.call('HGET', board, 'm') or '') ~= ARGV[3] then
  return 'foreign'
end
for i = 7, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', board, ARGV[i])
  else
    redis.call('HSET', board, ARGV[i], ARGV[i + 1])
  end
end
redis.call('HSET', board, 'm', ARGV[4])
redis.call('PEXPIRE', board, ARGV[5])
if ARGV[2] ~= '' then
  local time = redis.call('TIME')
  redis.call('ZADD', KEYS[2], time[1], ARGV[2])
  -- Replicas that have not renewed for an hour have gone; so long no wants last.
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', tonumber(time[1]) - 3600)
  redis.call('PEXPIRE', KEYS[2], 3600000)
end
return 'done'
