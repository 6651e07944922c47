-- Takes one request back from each limit, as if it had not been counted.
--
-- KEYS and ARGV: as in allow.lua.
redis.replicate_commands()

local now = redis.call("TIME")
now = (now[1] - 1483228800) * 1000000 + now[2]

for i, key in ipairs(KEYS) do
  local tat = tonumber(redis.call("GET", key) or now)
  local next = tat - 60000000 / tonumber(ARGV[i])
  if next <= now then
    redis.call("DEL", key)
  else
    redis.call("SET", key, string.format("%.0f", next), "PX", math.ceil((next - now) / 1000) + 1)
  end
end
return 0
