-- Shared by the scripts: keeps the last models and records of an instrument, and never drops what a pointer names.
local function trim(prefix, models_kept, records_kept)
  local pointed = {}
  for _, role in ipairs({'current', 'candidate'}) do
    local seq = redis.call('HGET', prefix .. role, 'seq')
    if seq then pointed[seq] = true end
  end
  local function drop(index, kind, kept)
    for _, seq in ipairs(redis.call('ZRANGE', prefix .. index, 0, -1 - kept)) do
      if not pointed[seq] then
        redis.call('DEL', prefix .. kind .. seq)
        redis.call('ZREM', prefix .. index, seq)
      end
    end
  end
  drop('models', 'model:', tonumber(models_kept))
  drop('history', 'about:', tonumber(records_kept))
end

local function now_ns()
  local time = redis.call('TIME')
  return time[1] .. string.format('%06d', tonumber(time[2])) .. '000'
end

