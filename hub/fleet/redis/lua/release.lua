#!lua
-- Frees the lease if it is this holder's, whatever its number: a grant may have been unheard.
-- KEYS: lease
-- ARGV: 1 holder
local held = redis.call('GET', KEYS[1])
if held and held:match('^%d+/(.*)$') == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
return 1
