-- Writes the record of a run over the one that was read, and the pointers at its model anew where its evidence changes.
-- KEYS 1 about, 2 history, 3 current, 4 candidate, 5 models, 6 moved
-- ARGV 1 key prefix, 2 instrument, 3 models kept, 4 records kept, 5 seq, 6 record bytes, 7 the most bytes of one,
--      8 what was read, 9 and 10 the pointers that were read; then for each pointer '' or the fields of the new one
local prefix, instrument, models_kept, records_kept, seq, record, bytes_max, read = unpack(ARGV, 1, 8)
-- A trainer that stood still in between must not write over what the one in its place has published.
if value_state(KEYS[1], tonumber(bytes_max)) ~= read then return 'changed' end
if pointer_state(KEYS[3]) ~= ARGV[9] or pointer_state(KEYS[4]) ~= ARGV[10] then return 'changed' end
heal(KEYS[2], 'zset')
heal(KEYS[5], 'zset')
redis.call('SET', KEYS[1], record)
redis.call('ZADD', KEYS[2], seq, seq)
local place = 11
for _, pointer in ipairs({KEYS[3], KEYS[4]}) do
  if ARGV[place] == '' then
    place = place + 1
  else
    local pointed_at_ns = redis.call('HGET', pointer, 'pointed_at_ns')
    point(pointer, {unpack(ARGV, place, place + 9)})
    if pointed_at_ns then redis.call('HSET', pointer, 'pointed_at_ns', pointed_at_ns) end
    mark_moved(KEYS[6], instrument)
    place = place + 10
  end
end
trim(prefix, models_kept, records_kept)
return 'recorded'
