-- Takes a place of KEYS[1], a sorted set of places by when they end.
-- ARGV: the new place, how many there may be, the lifetime in milliseconds.
-- Returns 1 if it was taken, else 0.
redis.replicate_commands()

local now = redis.call("TIME")
now = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", now)
if redis.call("ZCARD", KEYS[1]) >= tonumber(ARGV[2]) then
  return 0
end
redis.call("ZADD", KEYS[1], now + ARGV[3], ARGV[1])
redis.call("PEXPIRE", KEYS[1], ARGV[3])
return 1
