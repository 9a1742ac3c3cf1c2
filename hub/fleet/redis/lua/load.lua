#!lua flags=no-writes
-- Returns a shard as it stands.
-- KEYS: state, seen, meta
-- ARGV: 1-4 epoch, offset, count and digest that the caller knows
-- Answer: epoch, offset, count, digest, fence number, status, directory; then, unless it stands where the caller knows it
-- to, all users with their presences and all with their moments
local is = redis.call('HMGET', KEYS[3], 'epoch', 'offset', 'digest', 'fence', 'status', 'directory')
local count = tostring(redis.call('HLEN', KEYS[1]))
local answer = {is[1] or '0', is[2] or '0', count, is[3] or '0', is[4] or '0', is[5] or '', is[6] or '0'}
if answer[1] ~= ARGV[1] or answer[2] ~= ARGV[2] or count ~= ARGV[3] or answer[4] ~= ARGV[4] then
  answer[8] = redis.call('HGETALL', KEYS[1])
  answer[9] = redis.call('HGETALL', KEYS[2])
end
return answer
