#!lua
-- Frees the lease if it is this fence's.
-- KEYS: lease
-- ARGV: 1 fence
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
return 1
