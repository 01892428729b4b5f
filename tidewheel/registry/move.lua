-- Moves the pointer to a kept model with a new epoch: back (a rollback) or forward (a promotion by hand). The fence
-- (newest_seq) never falls, and rises to the model moved to: no trainer that comes again undoes it; see publish.lua.
-- KEYS 1 current, 2 candidate, 3 model, 4 moved
-- ARGV 1 instrument, 2 channel, 3 and 4 the pointers that were read, 5 whether the candidate is to go,
--      6 to 15 the new pointer's fields
local current, candidate, model, moved = unpack(KEYS)
local instrument, channel = unpack(ARGV, 1, 2)
if pointer_state(current) ~= ARGV[3] or pointer_state(candidate) ~= ARGV[4] then return 'changed' end
if redis.call('EXISTS', model) == 0 then return 'missing' end
point(current, {unpack(ARGV, 6, 15)})
if ARGV[5] == '1' then redis.call('DEL', candidate) end
mark_moved(moved, instrument)
redis.call('PUBLISH', channel, instrument)
return 'moved'
