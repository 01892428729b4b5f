-- Publishes a model: bytes, record, pointer, history and notification, all or nothing. Its pointer was made of the two
-- that the caller has read; where they are others by now, the caller reads them again.
-- KEYS 1 pointer to move, 2 the other pointer, 3 model, 4 about, 5 models, 6 history, 7 moved
-- ARGV 1 key prefix, 2 instrument, 3 channel, 4 models kept, 5 records kept, 6 seq, 7 model bytes, 8 record bytes,
--      9 and 10 the pointers that were read, 11 to 13 windows that may be the fence (0: none), falling,
--      14 whether the pointer names this model, 15 whether the other pointer is to go, 16 to 25 the new pointer's fields
local pointer, other, model_key, about_key, models_key, history_key, moved = unpack(KEYS)
local prefix, instrument, channel, models_kept, records_kept, seq, model, record = unpack(ARGV, 1, 8)
if pointer_state(pointer) ~= ARGV[9] or pointer_state(other) ~= ARGV[10] then return 'changed' end
heal(models_key, 'zset')
heal(history_key, 'zset')

-- The fence is the newest window ever published, not the one pointed at: after a rollback from 5 to 3 a restarted
-- trainer that publishes 4 or 5 again must not undo it, while window 6 moves the pointer forward at the new epoch.
-- A window that the history does not know was never published, whatever a pointer says.
local fence = 0
for place = 11, 13 do
  if redis.call('ZSCORE', history_key, ARGV[place]) then
    fence = tonumber(ARGV[place])
    break
  end
end

local there = holds(model_key, model)
if tonumber(seq) <= fence then
  if ARGV[14] == '1' and not there then
    -- Bytes that were lost or damaged; the checksum says that these are the ones.
    redis.call('SET', model_key, model)
    redis.call('ZADD', models_key, seq, seq)
    mark_moved(moved, instrument)
    redis.call('PUBLISH', channel, instrument)
    return 'already'
  end
  return there and 'already' or 'stale'
end
if type_of(model_key) == 'string' and redis.call('ZSCORE', history_key, seq) then
  -- This window ended with a candidate. It stays one until somebody promotes it, and its bytes are immutable.
  return there and 'already' or 'stale'
end

redis.call('SET', model_key, model)
redis.call('ZADD', models_key, seq, seq)
redis.call('SET', about_key, record)
redis.call('ZADD', history_key, seq, seq)
point(pointer, {unpack(ARGV, 16, 25)})
if ARGV[15] == '1' then redis.call('DEL', other) end
trim(prefix, models_kept, records_kept)
mark_moved(moved, instrument)
redis.call('PUBLISH', channel, instrument)
return 'published'
