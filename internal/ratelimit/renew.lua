-- Renews a place of KEYS[1], or takes it anew if Redis has lost it: it is in
-- use. ARGV: the place, the lifetime in milliseconds.
redis.replicate_commands()

local now = redis.call("TIME")
now = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call("ZADD", KEYS[1], now + ARGV[2], ARGV[1])
redis.call("PEXPIRE", KEYS[1], ARGV[2])
return 1
