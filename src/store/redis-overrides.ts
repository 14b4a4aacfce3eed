import type { LearnReply, OrgOverrides, OverrideKind, OverrideRecord, RestoreVerdict } from './override-records.js'
import { int, MalformedReply, overrideArg, overrideOf, text } from './redis-codec.js'
import type { RedisKeys } from './redis-keys.js'

/** The five arguments of a record that is written back. */
export function restoreArgs(records: readonly OverrideRecord[]): (string | number)[] {
  return records.flatMap(({ kind, version, limit, expiresInMs, details }) => [
    ...[kind, version, overrideArg(limit), expiresInMs ?? '', details],
  ])
}

export function readLearn(keys: RedisKeys, [floor, next, more, ...flat]: unknown[]): LearnReply {
  if (flat.length % 4 !== 0) throw new MalformedReply('overrides come in fours')
  const records: OverrideRecord[] = []
  for (let i = 0; i < flat.length; i += 4) {
    const [field, expiresIn] = [text(flat[i]), flat[i + 2]]
    const kind = field.startsWith('tier:') ? 'tier' : 'override'
    records.push({
      org: field.slice(kind.length + 1 + keys.orgPrefix.length),
      kind,
      version: int(flat[i + 1]),
      expiresInMs: expiresIn === '' ? undefined : int(expiresIn),
      ...readRecord(text(flat[i + 3])),
    })
  }
  return { records, next: int(next), more: int(more) === 1, floor: int(floor) }
}

/** What is in force of the records of one org, each as it stands in Redis or null. */
export function readOrg(stored: Readonly<Record<OverrideKind, string | null>>): OrgOverrides {
  const read = (kind: OverrideKind) => {
    const record = readRecord(stored[kind] ?? ' \n')
    return record.limit === undefined ? {} : { [kind]: record }
  }
  return { ...read('override'), ...read('tier') }
}

export function readRestore(records: readonly OverrideRecord[], words: unknown[]): RestoreVerdict[] {
  if (words.length !== records.length) throw new MalformedReply(`expected ${records.length} results`)
  return words.map((word) => {
    if (word === 'written' || word === 'known' || word === 'over') return word
    throw new MalformedReply(`unknown restoration ${JSON.stringify(word)}`)
  })
}

/** `<slots> <epoch>`, a line break, and the details. */
function readRecord(record: string): { limit: number | undefined; details: string } {
  const [, slots, details] = /^(-?\d*) \w*\n(.*)$/s.exec(record) ?? []
  if (slots === undefined || details === undefined) throw new MalformedReply('an override that is none')
  return { limit: overrideOf(slots), details }
}
