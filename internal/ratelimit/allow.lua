-- GCRA over several keys at once: the request is counted by all or by none.
-- https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
--
-- KEYS: one for each limit, holding its theoretical arrival time.
-- ARGV: for each its requests a minute.
-- Returns {allowed (1 or 0), then for each limit: remaining, reset and retry,
-- the latter two in microseconds}.
--
-- Times are microseconds since 2017: doubles hold those exactly, and strings
-- of %.0f lose nothing.
redis.replicate_commands()

local minute = 60000000
local now = redis.call("TIME")
now = (now[1] - 1483228800) * 1000000 + now[2]

local allowed = 1
local next = {}
local reply = {}
for i, key in ipairs(KEYS) do
  local limit = tonumber(ARGV[i])
  local interval = minute / limit
  local tat = tonumber(redis.call("GET", key) or now)
  if tat < now then tat = now end
  next[i] = tat + interval
  local excess = next[i] - now - minute
  -- A microsecond of rounding is no excess.
  if excess > 1 then
    allowed = 0
    reply[i] = {0, tat - now, excess}
  else
    reply[i] = {math.floor((minute - (next[i] - now)) / interval + 0.001), next[i] - now, 0}
  end
end

local flat = {allowed}
for i, key in ipairs(KEYS) do
  if allowed == 1 then
    redis.call("SET", key, string.format("%.0f", next[i]), "PX", math.ceil((next[i] - now) / 1000) + 1)
  elseif reply[i][3] == 0 then
    -- Not counted after all: as it was before.
    reply[i][1] = reply[i][1] + 1
    reply[i][2] = reply[i][2] - minute / tonumber(ARGV[i])
  end
  flat[#flat + 1] = reply[i][1]
  flat[#flat + 1] = math.ceil(reply[i][2])
  flat[#flat + 1] = math.ceil(reply[i][3])
end
return flat
