-- Moves the pointer to a kept model with a new epoch: back (a rollback) or forward (a promotion by hand). The fence
-- (newest_seq) never falls, and rises to the model moved to: no trainer that comes again undoes it; see publish.lua.
-- KEYS 1 current, 2 candidate, 3 model
-- ARGV 1 direction, 2 instrument, 3 channel, 4 seq, 5 sha256, 6 schema hash, 7 evidence, 8 published_at_ns
local direction, instrument, channel, seq, sha256, schema_hash, evidence, published_at_ns = unpack(ARGV)
local serving = redis.call('HGET', KEYS[1], 'seq')
if direction == 'back' and not serving then return 'nothing' end
if direction == 'back' and tonumber(seq) > tonumber(serving) then return 'newer' end
if direction == 'forward' and serving and tonumber(seq) < tonumber(serving) then return 'older' end
if redis.call('EXISTS', KEYS[3]) == 0 then return 'missing' end
local newest = math.max(tonumber(redis.call('HGET', KEYS[1], 'newest_seq') or 0), tonumber(seq))
local epoch = tonumber(redis.call('HGET', KEYS[1], 'epoch') or 0) + 1
redis.call('HSET', KEYS[1], 'seq', seq, 'epoch', epoch, 'sha256', sha256, 'schema_hash', schema_hash,
  'evidence', evidence, 'published_at_ns', published_at_ns, 'pointed_at_ns', now_ns(), 'newest_seq', newest)
local candidate = redis.call('HGET', KEYS[2], 'seq')
if candidate and tonumber(candidate) <= tonumber(seq) then redis.call('DEL', KEYS[2]) end
redis.call('PUBLISH', channel, instrument)
return 'moved'
