import { bounded } from '../bounded.js'
import { MAX_ITEMS } from '../lease-store.js'
import type {
  LearnReply,
  OrgOverrides,
  OverrideKind,
  OverrideRecord,
  OverrideTerms,
  RestoreVerdict,
} from '../override-records.js'
import type { Caller, ScriptCall } from './call.js'
import { expectLength, int, MalformedReply, oneOf, overrideArg, overrideOf, text } from './codec.js'
import type { RedisKeys } from './keys.js'

const RESTORE_VERDICTS: readonly RestoreVerdict[] = ['written', 'known', 'over']

/** `capMs` bounds the step of the store's clock. */
export function overrideCall(
  keys: RedisKeys,
  caller: Caller,
  capMs: number,
  org: string,
  limit: number | undefined,
  { kind = 'override', expiresInMs, details = '' }: OverrideTerms = {},
): ScriptCall<void> {
  return [
    [keys.admission, keys.meta, ...keys.overrides, keys.scope({ name: 'org', id: org })],
    ['override', ...caller, kind, overrideArg(limit), capMs, expiresInMs ?? '', details],
    () => undefined,
  ]
}

export function learnCall(keys: RedisKeys, caller: Caller, after: number): ScriptCall<LearnReply> {
  return [
    [keys.admission, keys.meta, ...keys.overrides.slice(0, 3)],
    ['learn', ...caller, after, MAX_ITEMS],
    (rest) => readLearn(keys, rest),
  ]
}

export function restoreCall(
  keys: RedisKeys,
  caller: Caller,
  records: readonly OverrideRecord[],
): ScriptCall<RestoreVerdict[]> {
  return [
    [keys.admission, keys.meta, ...keys.overrides, ...records.map(({ org }) => keys.scope({ name: 'org', id: org }))],
    ['restore', ...caller, bounded(records), ...restoreArgs(records)],
    (rest) => readRestore(records, rest),
  ]
}

/** The five arguments of a record that is written back. */
function restoreArgs(records: readonly OverrideRecord[]): (string | number)[] {
  return records.flatMap(({ kind, version, limit, expiresInMs, details }) => [
    ...[kind, version, overrideArg(limit), expiresInMs ?? '', details],
  ])
}

function readLearn(keys: RedisKeys, [floor, next, more, ...flat]: unknown[]): LearnReply {
  if (flat.length % 4 !== 0) throw new MalformedReply('overrides come in fours')
  const [records, unreadable]: [OverrideRecord[], LearnReply['unreadable'][number][]] = [[], []]
  for (let i = 0; i < flat.length; i += 4) {
    const [field, expiresIn, record] = [text(flat[i]), flat[i + 2], readRecord(flat[i + 3])]
    const kind = field.startsWith('tier:') ? 'tier' : 'override'
    const of = { org: field.slice(kind.length + 1 + keys.orgPrefix.length), kind } as const
    const expiresInMs = expiresIn === '' ? undefined : int(expiresIn)
    if (record) records.push({ ...of, version: int(flat[i + 1]), expiresInMs, ...record })
    else unreadable.push(of)
  }
  return { records, unreadable, next: int(next), more: int(more) === 1, floor: int(floor) }
}

/** What is in force of the records of one org, each as it stands in Redis or null. */
export function readOrg(stored: Readonly<Record<OverrideKind, string | null>>): OrgOverrides {
  const read = (kind: OverrideKind) => {
    const record = readRecord(stored[kind])
    return record?.limit === undefined ? {} : { [kind]: record }
  }
  return { ...read('override'), ...read('tier') }
}

function readRestore(records: readonly OverrideRecord[], words: unknown[]): RestoreVerdict[] {
  expectLength(words, records.length)
  return words.map((word) => oneOf(RESTORE_VERDICTS, word))
}

/**
 * `<slots> <epoch>`, a line break, and the details. `undefined` for anything else: somebody else has written it, and one
 * org's broken record must not end the connection that all orgs depend on (S5). lua/include/overrides.lua reads the same.
 */
function readRecord(record: unknown): { limit: number | undefined; details: string } | undefined {
  const [, slots, details] = /^(-?\d+|) [A-Za-z0-9]*\n(.*)$/s.exec(typeof record === 'string' ? record : '') ?? []
  return slots === undefined || details === undefined ? undefined : { limit: overrideOf(slots), details }
}
