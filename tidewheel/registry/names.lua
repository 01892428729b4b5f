-- A part of the set of instruments: '' or why the key is none of ours, the cursor of the next part, how many names are
-- too long, then the names.
-- KEYS 1 instruments; ARGV 1 cursor, 2 about how many, 3 the most bytes of one
local kind = type_of(KEYS[1])
if kind ~= 'set' and kind ~= 'none' then return {'!type ' .. kind, '0', '0'} end
local part = redis.call('SSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local found, long = {'', part[1], '0'}, 0
for _, name in ipairs(part[2]) do
  if #name <= tonumber(ARGV[3]) then found[#found + 1] = name else long = long + 1 end
end
found[3] = tostring(long)
return found
