-- Instruments whose pointers have moved since a time, the earliest first; before them the time of this Redis in
-- microseconds, and 1. Where there are more than asked for, instead of these the time of the last one told, and 0.
-- KEYS 1 moved; ARGV 1 since, 2 how many at most, 3 the most bytes of a name
local now = now_us()
if type_of(KEYS[1]) ~= 'zset' then return {now, '1'} end
local members = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], now, 'WITHSCORES', 'LIMIT', 0, ARGV[2])
local found = {now, '1'}
if #members == 2 * tonumber(ARGV[2]) then found = {members[#members], '0'} end
for place = 1, #members, 2 do
  if #members[place] <= tonumber(ARGV[3]) then found[#found + 1] = members[place] end
end
return found
