-- Shared by the scripts. Whoever can write to this Redis may have put anything under our keys: nothing is taken for a
-- number before a caller has checked it, nothing long is read, and what is of another type is removed when it is
-- written over, since nobody can use it.
local POINTER_FIELDS = {'seq', 'epoch', 'sha256', 'schema_hash', 'evidence', 'published_at_ns', 'newest_seq',
  'pointed_at_ns', 'born_ns', 'hmac_sha256'}
local POINTER_FIELD_BYTES_MAX = 128
local MOVED_MAX = 200000
local SEQ_DIGITS_MAX = 15

local function type_of(key) return redis.call('TYPE', key).ok end

-- '' for nothing, '!' and why for what cannot be a pointer, else its fields, a line each.
local function pointer_state(key)
  local kind = type_of(key)
  if kind == 'none' then return '' end
  if kind ~= 'hash' then return '!type ' .. kind end
  for _, field in ipairs(POINTER_FIELDS) do
    if redis.call('HSTRLEN', key, field) > POINTER_FIELD_BYTES_MAX then return '!long ' .. field end
  end
  local values = redis.call('HMGET', key, unpack(POINTER_FIELDS))
  for place, value in ipairs(values) do values[place] = value or '' end
  return table.concat(values, '\n')
end

-- '' for nothing, '!' and why for what is no value of ours, else '=' and the value.
local function value_state(key, bytes_max)
  local kind = type_of(key)
  if kind == 'none' then return '' end
  if kind ~= 'string' then return '!type ' .. kind end
  local length = redis.call('STRLEN', key)
  if length > bytes_max then return '!long ' .. length end
  return '=' .. redis.call('GET', key)
end

local function heal(key, kind)
  local found = type_of(key)
  if found ~= kind and found ~= 'none' then redis.call('DEL', key) end
end

local function holds(key, value)
  return type_of(key) == 'string' and redis.call('STRLEN', key) == #value and redis.call('GET', key) == value
end

local function now_us()
  local time = redis.call('TIME')
  return time[1] .. string.format('%06d', tonumber(time[2]))
end

-- Where readers look who want to know what has moved since; one member an instrument.
local function mark_moved(moved, instrument)
  heal(moved, 'zset')
  if redis.call('ZCARD', moved) > MOVED_MAX then redis.call('ZREMRANGEBYRANK', moved, 0, MOVED_MAX / 2) end
  redis.call('ZADD', moved, now_us(), instrument)
end

-- `fields`: in the order of POINTER_FIELDS; the time is that of this Redis.
local function point(key, fields)
  redis.call('DEL', key)
  for place, field in ipairs(POINTER_FIELDS) do
    redis.call('HSET', key, field, field == 'pointed_at_ns' and now_us() .. '000' or fields[place])
  end
end

local function is_window(member, score)
  return #member <= SEQ_DIGITS_MAX and string.find(member, '^[1-9]%d*$') ~= nil and tonumber(score) == tonumber(member)
end

-- Keeps the last models and records of an instrument, and never drops what a pointer names. What cannot be the number
-- of a window is dropped from the indexes.
local function trim(prefix, models_kept, records_kept)
  local pointed = {}
  for _, role in ipairs({'current', 'candidate'}) do
    local seq = redis.pcall('HGET', prefix .. role, 'seq')
    if type(seq) == 'string' then pointed[seq] = true end
  end
  local function drop(index, kind, kept)
    local members, numbers = redis.call('ZRANGE', prefix .. index, 0, -1, 'WITHSCORES'), {}
    for place = 1, #members, 2 do
      if is_window(members[place], members[place + 1]) then
        numbers[#numbers + 1] = members[place]
      else
        redis.call('ZREM', prefix .. index, members[place])
      end
    end
    for place = 1, #numbers - kept do
      if not pointed[numbers[place]] then
        redis.call('DEL', prefix .. kind .. numbers[place])
        redis.call('ZREM', prefix .. index, numbers[place])
      end
    end
  end
  drop('models', 'model:', tonumber(models_kept))
  drop('history', 'about:', tonumber(records_kept))
end
