-- The windows in an index, newest first: '' or why the key is none of ours, how many members are no windows, then them.
-- KEYS 1 history or models; ARGV 1 how many are looked at
local kind = type_of(KEYS[1])
if kind ~= 'zset' and kind ~= 'none' then return {'!type ' .. kind, '0'} end
local found, odd = {'', '0'}, 0
local members = redis.call('ZREVRANGE', KEYS[1], 0, tonumber(ARGV[1]) - 1, 'WITHSCORES')
for place = 1, #members, 2 do
  if is_window(members[place], members[place + 1]) then found[#found + 1] = members[place] else odd = odd + 1 end
end
found[2] = tostring(odd)
return found
