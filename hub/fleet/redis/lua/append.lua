#!lua
-- Writes and publishes one message of a shard, or nothing.
-- KEYS: state (user -> presence), seen (user -> Unix ms of the read that last confirmed it), meta
-- ARGV: 1 fence number, 2 holder, 3 call, 4-7 from: epoch, offset, count, digest, 8-10 to: epoch, offset, digest,
--       11 status, 12 directory, 13 ms until all expires, 14 PUBLISH or SPUBLISH, 15 channel, 16 payload ('' for none),
--       17 how many users are dropped, then these; how many states are written, then user, presence and ms of each;
--       then for each read: ms, how many users it confirmed, and these
-- Answer: outcome, and what stands: epoch, offset, count, digest, fence number
local state, seen, meta = KEYS[1], KEYS[2], KEYS[3]
local is = redis.call('HMGET', meta, 'fence', 'holder', 'call', 'epoch', 'offset', 'digest')
local fence = tonumber(is[1] or '0')

local function answer(outcome)
  local at = redis.call('HMGET', meta, 'epoch', 'offset', 'digest', 'fence')
  return {outcome, at[1] or '0', at[2] or '0', tostring(redis.call('HLEN', state)), at[3] or '0', at[4] or '0'}
end

if fence > tonumber(ARGV[1]) or (fence == tonumber(ARGV[1]) and is[2] ~= ARGV[2]) then
  return answer('fenced')
end
if is[3] == ARGV[3] then -- the same call again, whose answer was lost
  return answer('done')
end
if (is[4] or '0') ~= ARGV[4] or (is[5] or '0') ~= ARGV[5] or tostring(redis.call('HLEN', state)) ~= ARGV[6] or (is[6] or '0') ~= ARGV[7] then
  return answer('foreign')
end

-- Lua takes some thousand arguments at once.
local function inParts(first, last, step, call)
  for from = first, last, step do
    call(from, math.min(from + step - 1, last))
  end
end

local at = 18
local drops = tonumber(ARGV[17])
inParts(at, at + drops - 1, 1000, function(from, to)
  redis.call('HDEL', state, unpack(ARGV, from, to))
  redis.call('HDEL', seen, unpack(ARGV, from, to))
end)
at = at + drops

local states = tonumber(ARGV[at])
at = at + 1
inParts(at, at + 3 * states - 1, 3000, function(from, to)
  local presences, moments = {}, {}
  for i = from, to, 3 do
    presences[#presences + 1], presences[#presences + 2] = ARGV[i], ARGV[i + 1]
    moments[#moments + 1], moments[#moments + 2] = ARGV[i], ARGV[i + 2]
  end
  redis.call('HSET', state, unpack(presences))
  redis.call('HSET', seen, unpack(moments))
end)
at = at + 3 * states

while at < #ARGV do
  local moment, users = ARGV[at], tonumber(ARGV[at + 1])
  at = at + 2
  inParts(at, at + users - 1, 1000, function(from, to)
    local known, moments = redis.call('HMGET', seen, unpack(ARGV, from, to)), {}
    for i = from, to do
      if known[i - from + 1] then
        moments[#moments + 1], moments[#moments + 2] = ARGV[i], moment
      end
    end
    if #moments > 0 then
      redis.call('HSET', seen, unpack(moments))
    end
  end)
  at = at + users
end

redis.call('HSET', meta, 'fence', ARGV[1], 'holder', ARGV[2], 'call', ARGV[3], 'epoch', ARGV[8], 'offset', ARGV[9],
  'digest', ARGV[10], 'count', tostring(redis.call('HLEN', state)), 'status', ARGV[11], 'directory', ARGV[12])
for _, key in ipairs(KEYS) do
  redis.call('PEXPIRE', key, ARGV[13])
end
if ARGV[16] ~= '' then
  redis.call(ARGV[14], ARGV[15], ARGV[16])
end
return answer('done')
