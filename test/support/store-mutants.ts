import { SCRIPT } from '../../src/store/redis/script.generated.js'

/** The script with one rule taken out. */
export interface Mutant {
  readonly rule: string
  /** What is missing, in words. */
  readonly without: string
  readonly script: string
}

/** Replaces every occurrence of `snippet`; throws when there is none, because then the mutant would be the original. */
function mutant(rule: string, without: string, snippet: string, replacement: string): Mutant {
  if (!SCRIPT.includes(snippet)) throw new Error(`the script has no longer the words of ${rule}: ${snippet}`)
  return { rule, without, script: SCRIPT.replaceAll(snippet, () => replacement) }
}

const INDEX_FIRST = `    local entry = redis.pcall('HSET', KEYS[2], id, ARGV[arg + 1])
    if type(entry) ~= 'number' then`

const LOOKED = `    if type(card) ~= 'number' then
      outcome = -1
      break
    end
    local held_count = card`

/** One or more for each of the seven rules of the design but the last, which is not about the text of the script. */
export const MUTANTS = {
  noFence: mutant('rule 1', 'the fence', 'held ~= ARGV[3] then', 'false then'),
  noGeneration: mutant(
    'rule 1',
    'the generation in the fence',
    'held ~= ARGV[3] then',
    "string.match(held or '', ':.*') ~= string.match(ARGV[3], ':.*') then",
  ),
  lateHello: mutant(
    'rule 1',
    'the refusal of a lower generation by hello',
    'if held and held_generation >= generation then',
    'if false then',
  ),
  lostIsFenced: mutant(
    'rule 1',
    'telling lost from fenced',
    "return { 'lost' }\n    end",
    "return { 'fenced' }\n    end",
  ),
  anyLife: mutant(
    'rule 1',
    'the look by hello whether the lease lives the life that the node knows',
    'if not held or held_generation < tonumber(known_generation) then',
    'if not held then',
  ),
  oldEpoch: mutant('rule 1', 'a date later than that of the epoch before', 'date_of(epoch) + 1', '0'),
  anyBuckets: mutant(
    'rule 1',
    'the refusal of another number of buckets',
    'if buckets and buckets ~= ARGV[13] then',
    'if false then',
  ),
  passedBy: mutant(
    'rule 1',
    'the look whether the node was in a later epoch',
    'known_epoch and known_epoch ~= epoch and date_of(known_epoch) >= date_of(epoch)',
    'false',
  ),
  sameDate: mutant(
    'rule 1',
    'the look whether it was in another epoch of the same date',
    'date_of(known_epoch) >= date_of(epoch)',
    'date_of(known_epoch) > date_of(epoch)',
  ),
  undatedEpoch: mutant('rule 1', 'the date in the name of an epoch', " .. now .. 't' .. date, 1", ', 1'),
  timelessEpoch: mutant('rule 1', 'the time in the name of an epoch', 'ARGV[5] .. now', 'ARGV[5]'),
  forgottenClock: mutant(
    'rule 1',
    'the look whether the store has its memory',
    'if not before[3] then',
    'if false then',
  ),
  deadHello: mutant(
    'rule 1',
    'the refusal of a dead lease by hello',
    "elseif not held and (redis.call('SISMEMBER', KEYS[5], lease) == 1 or redis.call('ZSCORE', KEYS[3], lease)) then",
    'elseif false then',
  ),
  releaseOfOthers: mutant(
    'rule 2',
    'the look at the score by release',
    "if own or redis.pcall('ZSCORE', KEYS[s], id) == ARGV[2] then",
    'if true then',
  ),
  releaseOfNames: mutant(
    'rule 2',
    'the look by release whether an id was made under the acting lease',
    'own = digits and tonumber(digits, 36) == lease',
    'own = digits ~= nil',
  ),
  releaseOfBeginnings: mutant(
    'rule 2',
    'the look by release whether each id was',
    'local own = prefix and string.sub(id, 1, #prefix) == prefix',
    'local own = prefix',
  ),
  sweepOfOthers: mutant(
    'rule 2',
    'the look at the score by sweep',
    "if redis.pcall('ZSCORE', KEYS[s], id) == ARGV[4] then",
    'if true then',
  ),
  sweepOfLiving: mutant(
    'rule 4',
    'the look whether a lease is dead by sweep',
    "if redis.call('SISMEMBER', KEYS[3], ARGV[4]) == 0 then",
    'if false then',
  ),
  reassertOfOthers: mutant(
    'rule 2',
    'the look at the owner by reassert',
    "if owner and owner ~= lease and redis.call('HEXISTS', KEYS[1], owner) == 1 then",
    'if false then',
  ),
  acquireOfOthers: mutant('rule 2', 'the NX of acquire', "'NX', lease, id", 'lease, id'),
  takenFromTheLiving: mutant(
    'rule 2',
    'the look whether the holder lives by acquire',
    "elseif redis.call('HEXISTS', KEYS[1], holder) == 0 then",
    'elseif true then',
  ),
  leftoversInTheWay: mutant(
    'rule 2',
    'taking over what a dead lease has left by acquire',
    "elseif redis.call('HEXISTS', KEYS[1], holder) == 0 then",
    'elseif false then',
  ),
  holderRefused: mutant(
    'rule 2',
    'the look who asks again',
    "again and redis.call('ZSCORE', KEYS[key], id) == lease",
    'false',
  ),
  indexLast: mutant(
    'rule 3',
    'the index before the sets in acquire',
    INDEX_FIRST,
    `    for s = 1, scopes do
      redis.call('ZADD', KEYS[key + s - 1], 'NX', lease, id)
    end
${INDEX_FIRST}`,
  ),
  indexRemovedFirst: mutant(
    'rule 3',
    'the sets before the index in release',
    'local own = prefix and',
    "redis.pcall('HDEL', KEYS[3], id)\n  local own = prefix and",
  ),
  deadCountInSmallSets: mutant(
    'rule 4',
    'the second count of a small full scope',
    'count = count + lives[lease]',
    'count = count + 1',
  ),
  deadCountInLargeSets: mutant(
    'rule 4',
    'the second count of a large full scope',
    "card = card - redis.call('ZCOUNT', scope_key, lease, lease)",
    'card = card',
  ),
  renewDeclaresItself: mutant(
    'rule 4',
    'the own extension before the declaration of death',
    "redis.call('ZADD', KEYS[3], clock + ttl_ms, ARGV[2])\n",
    '',
  ),
  brokenKeyInAcquire: mutant(
    'rule 5',
    'the pcall around the first look at a scope',
    "local card = redis.pcall('ZCARD', scope_key)",
    "local card = redis.call('ZCARD', scope_key)",
  ),
  writesBeforeAllIsRead: mutant(
    'rule 5',
    'reading all scopes before anything is written',
    LOOKED,
    `${LOOKED}
    redis.call('ZADD', scope_key, 'NX', lease, id)`,
  ),
  brokenKeyInRelease: mutant(
    'rule 5',
    'the pcall around the score in release and sweep',
    "redis.pcall('ZSCORE', KEYS[s], id) ==",
    "redis.call('ZSCORE', KEYS[s], id) ==",
  ),
  brokenKeyOfOwn: mutant(
    'rule 5',
    'the pcall around the removal in release',
    "redis.pcall('ZREM', KEYS[s], id)",
    "redis.call('ZREM', KEYS[s], id)",
  ),
  leavingForgotten: mutant(
    'rule 4',
    'those that are leaving in the surplus',
    'limit < 0 and 0 or count - leaving - limit',
    'limit < 0 and 0 or count - limit',
  ),
  confirmOfOthers: mutant(
    'rule 2',
    'the look at the score by confirm',
    "if redis.call('ZSCORE', KEYS[i - 1], ARGV[i]) == ARGV[2] then",
    'if true then',
  ),
  ordersOfTheDead: mutant(
    'rule 4',
    'the end of orders by the declaration of death',
    "redis.call('ZREMRANGEBYSCORE', KEYS[kind], lease, lease)",
    '',
  ),
  orderedPutBack: mutant(
    'rule 2',
    'the look at the orders by reassert',
    "if redis.call('ZSCORE', KEYS[kind], id) == lease then",
    'if false then',
  ),
  evictedForgotten: mutant(
    'L5',
    'the order anew by reassert of who was evicted',
    "if any_orders and redis.call('ZSCORE', KEYS[9], id) then",
    'if false then',
  ),
  replacedCounts: mutant('S1', 'the replaced connection that does not count', ' - (lives(holder) and 1 or 0)', ''),
  replacedStays: mutant(
    'S1',
    'the end of the replaced connection’s slot',
    "redis.call('ZREM', scope_key, old)",
    'local _ = scope_key',
  ),
  takenPutBack: mutant(
    'S1',
    'the look by reassert at whose slot was taken over',
    "if any_orders and redis.call('ZSCORE', KEYS[8], id .. ' ' .. KEYS[key]) then",
    'if false then',
  ),
  clockUnbounded: mutant(
    'rule 6',
    'the bound of a step of the clock',
    'math.max(0, math.min(cap_ms, now - (tonumber(before[2]) or now)))',
    'now - (tonumber(before[2]) or now)',
  ),
  restoreOverNewer: mutant(
    'R1',
    'the look whether the store has a newer override',
    'elseif at < version or at == version and not set_in then',
    'else',
  ),
  restoreOverThisLife: mutant(
    'R1',
    'the look whether an override was set in this life of the store',
    'elseif set_in == epoch then',
    'elseif false then',
  ),
  endsInRecovery: mutant(
    'R1',
    'the wait of what is due for the end of the recovery',
    ' and recovery_ms == 0 then',
    ' then',
  ),
  restoreAtAnyTime: mutant('R1', 'the end of writing back', 'if not store[1] then', 'if false then'),
  reservedGiven: mutant('S1', 'what is kept of an org for others', 'slots = slots - kept', 'slots = slots'),
  reservedOfTheGiven: mutant(
    'S1',
    'what is kept of a limit that operators have set',
    'if keeps and s == 1 then',
    'if keeps and s == 1 and not override then',
  ),
  noShrinkingWrite: mutant('rule 6', 'the shrinking write that comes first', "redis.call('HDEL', KEYS[1], '')\n", ''),
  memoryUnchecked: mutant(
    'rule 6',
    'the pcall around the growing write that comes first in acquire',
    "local entry = redis.pcall('HSET', KEYS[2], id, ARGV[arg + 1])",
    "local entry = redis.call('HSET', KEYS[2], id, ARGV[arg + 1])",
  ),
} as const satisfies Record<string, Mutant>
