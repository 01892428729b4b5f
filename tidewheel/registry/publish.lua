-- Publishes a model: bytes, record, pointer, history and notification, all or nothing.
-- KEYS 1 pointer to move, 2 the other pointer, 3 model, 4 about, 5 models, 6 history
-- ARGV 1 role, 2 key prefix, 3 instrument, 4 channel, 5 models kept, 6 records kept,
--      7 seq, 8 sha256, 9 schema hash, 10 evidence, 11 published_at_ns, 12 model bytes, 13 record bytes
local pointer, other, model_key, about_key, models_key, history_key = unpack(KEYS)
local role, prefix, instrument, channel, models_kept, records_kept = unpack(ARGV, 1, 6)
local seq, sha256, schema_hash, evidence, published_at_ns, model, record = unpack(ARGV, 7, 13)

-- The fence is the newest window ever published, not the one pointed at: after a rollback from 5 to 3 a restarted
-- trainer that publishes 4 or 5 again must not undo it, while window 6 moves the pointer forward at the new epoch.
local fence = tonumber(redis.call('HGET', pointer, 'newest_seq') or 0)
if role == 'candidate' then
  fence = math.max(fence, tonumber(redis.call('HGET', other, 'newest_seq') or 0))
end

local stored = redis.call('GET', model_key)
if tonumber(seq) <= fence then
  local pointed = redis.call('HMGET', pointer, 'seq', 'sha256')
  if pointed[1] == seq and pointed[2] == sha256 and stored ~= model then
    -- Bytes that were lost or damaged; the checksum says that these are the ones.
    redis.call('SET', model_key, model)
    redis.call('ZADD', models_key, seq, seq)
    redis.call('PUBLISH', channel, instrument)
    return 'already'
  end
  return stored == model and 'already' or 'stale'
end
if stored then
  -- This window ended with a candidate. It stays one until somebody promotes it, and its bytes are immutable.
  return stored == model and 'already' or 'stale'
end

redis.call('SET', model_key, model)
redis.call('ZADD', models_key, seq, seq)
redis.call('SET', about_key, record)
redis.call('ZADD', history_key, seq, seq)
local epoch = redis.call('HGET', prefix .. 'current', 'epoch') or '1'
redis.call('HSET', pointer, 'seq', seq, 'epoch', epoch, 'sha256', sha256, 'schema_hash', schema_hash,
  'evidence', evidence, 'published_at_ns', published_at_ns, 'pointed_at_ns', now_ns(), 'newest_seq', seq)
if role == 'current' then
  local candidate = redis.call('HGET', other, 'seq')
  if candidate and tonumber(candidate) <= tonumber(seq) then redis.call('DEL', other) end
end
trim(prefix, models_kept, records_kept)
redis.call('PUBLISH', channel, instrument)
return 'published'
