#!lua
-- Tries what a role does, on keys that nothing else uses, and leaves nothing behind.
-- KEYS: a hash, another key
-- ARGV: PUBLISH or SPUBLISH, and a channel; or neither
-- Answer: what was refused
local refused = {}
local function try(...)
  local answer = redis.pcall(...)
  if type(answer) == 'table' and answer.err and (answer.err:find('NOPERM', 1, true) or answer.err:find("executing the script can't", 1, true)) then
    refused[#refused + 1] = ({...})[1]
  end
end
try('HSET', KEYS[1], 'a', '1')
try('HGET', KEYS[1], 'a')
try('HMGET', KEYS[1], 'a')
try('HLEN', KEYS[1])
try('HGETALL', KEYS[1])
try('HDEL', KEYS[1], 'b')
try('PEXPIRE', KEYS[1], '1000')
try('TIME')
try('GET', KEYS[2])
try('ZADD', KEYS[2], '1', 'a')
try('ZRANGE', KEYS[2], '0', '-1')
try('ZREM', KEYS[2], 'a')
try('ZREMRANGEBYSCORE', KEYS[2], '-inf', '0')
try('PEXPIRE', KEYS[2], '1000')
if ARGV[1] then
  try('INFO', 'server')
  try('SET', KEYS[2], '1', 'PX', '1000')
  try(ARGV[1], ARGV[2], '')
end
try('DEL', KEYS[1], KEYS[2])
return refused
