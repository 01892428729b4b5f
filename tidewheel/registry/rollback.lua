-- Moves the pointer to an older model with a new epoch. The fence (newest_seq) stays where it is; see publish.lua.
-- KEYS 1 current, 2 model
-- ARGV 1 instrument, 2 channel, 3 seq, 4 sha256, 5 schema hash, 6 evidence, 7 published_at_ns
local instrument, channel, seq, sha256, schema_hash, evidence, published_at_ns = unpack(ARGV)
if redis.call('EXISTS', KEYS[2]) == 0 then return 'missing' end
local newest = redis.call('HGET', KEYS[1], 'newest_seq') or seq
local epoch = tonumber(redis.call('HGET', KEYS[1], 'epoch') or 1) + 1
redis.call('HSET', KEYS[1], 'seq', seq, 'epoch', epoch, 'sha256', sha256, 'schema_hash', schema_hash,
  'evidence', evidence, 'published_at_ns', published_at_ns, 'pointed_at_ns', now_ns(), 'newest_seq', newest)
redis.call('PUBLISH', channel, instrument)
return 'moved'
