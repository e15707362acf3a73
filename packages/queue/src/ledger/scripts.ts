/** Steps of the ledger that happen wholly or not at all: scripts that Redis runs. */
import { IDENTITY_BYTES } from './identity.js';

/**
 * Identities are spread over 2¹⁸ hashes by their first bits: Redis keeps a small hash as one compact list, without a
 * pointer and a header for each entry.
 */
const IDENTITIES = `
local function place(blob, i)
  local at = (i - 1) * ${IDENTITY_BYTES}
  local a, b, c = string.byte(blob, at + 1, at + 3)
  local bucket = a * 1024 + b * 4 + math.floor(c / 64)
  return string.format('%d', bucket), string.sub(blob, at + 3, at + ${IDENTITY_BYTES})
end
`;

/** A chunk's entry is '1' once it is done, before that '0' and who took its images. */
const WAITS = `
local function waits(chunks, chunk)
  local state = redis.call('HGET', chunks, chunk)
  return state and string.sub(state, 1, 1) == '0'
end
`;

/** KEYS: beginning of the hashes of identities. ARGV: identities, their number. Returns which of them are known, from 1. */
export const KNOWN = `
${IDENTITIES}
local known = {}
for i = 1, tonumber(ARGV[2]) do
  local bucket, field = place(ARGV[1], i)
  if redis.call('HEXISTS', KEYS[1] .. bucket, field) == 1 then known[#known + 1] = i end
end
return known
`;

/**
 * Takes images for a chunk, or none where one of them was taken before.
 *
 * KEYS: beginning of the hashes of identities, chunks, outbox, counts. ARGV: identities, their number, chunk, its data, who
 * takes them. Returns the numbers of those that were taken before.
 */
export const CLAIM = `
${IDENTITIES}
-- Repeated by the same one after a connection was lost: done already.
if redis.call('HGET', KEYS[2], ARGV[3]) == '0' .. ARGV[5] then return {} end
local taken = {}
local n = tonumber(ARGV[2])
for i = 1, n do
  local bucket, field = place(ARGV[1], i)
  if redis.call('HEXISTS', KEYS[1] .. bucket, field) == 1 then taken[#taken + 1] = i end
end
if #taken > 0 then return taken end
for i = 1, n do
  local bucket, field = place(ARGV[1], i)
  redis.call('HSET', KEYS[1] .. bucket, field, '')
end
redis.call('HSET', KEYS[2], ARGV[3], '0' .. ARGV[5])
redis.call('HSET', KEYS[3], ARGV[3], ARGV[4])
redis.call('HINCRBY', KEYS[4], 'chunks', 1)
redis.call('HINCRBY', KEYS[4], 'images', n)
return {}
`;

/**
 * Gives the images of a chunk up that nobody has scored.
 *
 * KEYS and ARGV as above, without the data. Returns 1, or 0 where the chunk is done or unknown.
 */
export const RELEASE = `
${IDENTITIES}
${WAITS}
if not waits(KEYS[2], ARGV[3]) then return 0 end
local n = tonumber(ARGV[2])
for i = 1, n do
  local bucket, field = place(ARGV[1], i)
  redis.call('HDEL', KEYS[1] .. bucket, field)
end
redis.call('HDEL', KEYS[2], ARGV[3])
redis.call('HDEL', KEYS[3], ARGV[3])
redis.call('HINCRBY', KEYS[4], 'chunks', -1)
redis.call('HINCRBY', KEYS[4], 'images', -n)
return 1
`;

/** Seconds of a span that images are counted in, for the rate. */
export const SPAN = 10;

/**
 * Notes a chunk as done, once.
 *
 * KEYS: chunks, counts, beginning of the spans. ARGV: chunk, images, images without a score, then code and number of each
 * failure. Returns 1, or 0 where it was noted before or is unknown.
 */
export const FINISH = `
${WAITS}
if not waits(KEYS[1], ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], '1')
redis.call('HINCRBY', KEYS[2], 'doneChunks', 1)
redis.call('HINCRBY', KEYS[2], 'doneImages', ARGV[2])
redis.call('HINCRBY', KEYS[2], 'failedImages', ARGV[3])
for i = 4, #ARGV, 2 do redis.call('HINCRBY', KEYS[2], 'code:' .. ARGV[i], ARGV[i + 1]) end
local now = tonumber(redis.call('TIME')[1])
redis.call('HSETNX', KEYS[2], 'firstDone', now)
redis.call('HSET', KEYS[2], 'lastDone', now)
local span = KEYS[3] .. string.format('%d', math.floor(now / ${SPAN}))
redis.call('INCRBY', span, ARGV[2])
redis.call('EXPIRE', span, 900)
return 1
`;
