#!lua
-- Raises the generation of versions.
-- KEYS: lease, generation
-- ARGV: 1 fence, 2 number to be above
-- Answer: the generation, or 0 if the lease is not this fence's
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return '0'
end
local number = math.max(tonumber(redis.call('GET', KEYS[2]) or '0'), tonumber(ARGV[2])) + 1
number = string.format('%.0f', number)
redis.call('SET', KEYS[2], number)
return number
