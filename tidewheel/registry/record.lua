-- Writes the record of a run over the one that was read, and tells a pointer at its model of changed evidence.
-- KEYS 1 about, 2 history, 3 current, 4 candidate
-- ARGV 1 key prefix, 2 models kept, 3 records kept, 4 seq, 5 sha256, 6 evidence, 7 record bytes,
--      8 the bytes that were read, empty for none
local prefix, models_kept, records_kept, seq, sha256, evidence, record, read = unpack(ARGV)
-- A trainer that stood still in between must not write over what the one in its place has published.
if (redis.call('GET', KEYS[1]) or '') ~= read then return 'changed' end
redis.call('SET', KEYS[1], record)
redis.call('ZADD', KEYS[2], seq, seq)
for _, pointer in ipairs({KEYS[3], KEYS[4]}) do
  local pointed = redis.call('HMGET', pointer, 'seq', 'sha256')
  if pointed[1] == seq and pointed[2] == sha256 then redis.call('HSET', pointer, 'evidence', evidence) end
end
trim(prefix, models_kept, records_kept)
return 'recorded'
