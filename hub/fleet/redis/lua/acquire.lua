#!lua
-- Takes the lease if nobody has it.
-- KEYS: lease, fence
-- ARGV: 1 holder, 2 number to be above, 3 ms that it lasts
-- Answer: the fence number, or 0 if somebody else has the lease
local held = redis.call('GET', KEYS[1])
if held then
  local number, holder = held:match('^(%d+)/(.*)$')
  if holder ~= ARGV[1] then
    return '0'
  end
  redis.call('PEXPIRE', KEYS[1], ARGV[3]) -- the same call again, whose answer was lost
  return number
end
local number = math.max(tonumber(redis.call('GET', KEYS[2]) or '0'), tonumber(ARGV[2])) + 1
number = string.format('%.0f', number)
redis.call('SET', KEYS[2], number)
redis.call('SET', KEYS[1], number .. '/' .. ARGV[1], 'PX', ARGV[3])
return number
