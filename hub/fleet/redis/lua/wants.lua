#!lua flags=no-writes
-- Returns the manifests of all boards of wants that have not expired.
-- KEYS: replicas
-- ARGV: 1 what a board's name begins with
-- Answer: replica, manifest, and so on
local answer = {}
for _, replica in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local manifest = redis.call('HGET', ARGV[1] .. replica, 'm')
  if manifest then
    answer[#answer + 1], answer[#answer + 2] = replica, manifest
  end
end
return answer
