-- What lies under keys of pointers, each as `pointer_state` says it.
local found = {}
for place, key in ipairs(KEYS) do found[place] = pointer_state(key) end
return found
