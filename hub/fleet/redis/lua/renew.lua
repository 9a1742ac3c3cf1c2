#!lua
-- Makes the lease last longer, and with it what a term posts.
-- KEYS: lease, directory
-- ARGV: 1 fence, 2 ms that the lease lasts, 3 ms that the directory lasts
-- Answer: 1, or 0 if the lease is not this fence's
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1
