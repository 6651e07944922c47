-- Records a batch of events and delivers them live, all or none.
-- KEYS[1]  stream, and name of the channel
-- ARGV     ttl in ms, most entries, attempt span, time of sending in us,
--          then id, type and data of each event, ids rising
-- Returns  "ok", "fenced", "incomplete" or "full"
local key = KEYS[1]
local most, span, sent = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local first, count = tonumber(ARGV[5]), (#ARGV - 4) / 3

local previous = '0'
local top = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)
if top[1] then
  previous = string.match(top[1][1], '^%d+')
end

local recorded = tonumber(previous)
if first > recorded + 1 and first % span ~= 1 then
  return 'incomplete'
end
-- An end is always let in: a reader must never wait for one in vain.
local last_type = ARGV[#ARGV - 1]
if last_type ~= 'done' and last_type ~= 'error' and redis.call('XLEN', key) + count > most then
  return 'full'
end

for i = 5, #ARGV, 3 do
  local id, kind, data = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  -- The stream itself refuses an id that does not rise. Only the first can
  -- fail so, before anything is written.
  local added = redis.pcall('XADD', key, id .. '-0', 't', kind, 'd', data)
  if type(added) == 'table' and added.err then
    if string.find(added.err, 'equal or smaller', 1, true) then
      return 'fenced'
    end
    return added
  end
  redis.call('PUBLISH', key, previous .. ' ' .. id .. ' ' .. sent .. ' ' .. kind .. ' ' .. data)
  previous = id
end
redis.call('PEXPIRE', key, ARGV[1])
return 'ok'
