-- What lies under keys of values, each as `value_state` says it.
-- KEYS any; ARGV 1 the most bytes of one
local found = {}
for place, key in ipairs(KEYS) do found[place] = value_state(key, tonumber(ARGV[1])) end
return found
