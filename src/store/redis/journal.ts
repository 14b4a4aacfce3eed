import { bounded } from '../bounded.js'
import {
  JOURNAL_ALL,
  JOURNAL_ENTRIES,
  JOURNAL_STRANGERS,
  type Journal,
  type JournalEntry,
  type JournalPage,
  type JournalRange,
  type JournalTotals,
} from '../journal.js'
import type { RedisKeys } from './keys.js'
import type { RedisQuestions } from './questions.js'

/**
 * The journal in Redis: two streams and two counters, over the connection for questions, so that no admission waits for
 * it.
 */
export class RedisJournal implements Journal {
  readonly #questions: RedisQuestions
  readonly #keys: RedisKeys

  constructor(questions: RedisQuestions, keys: RedisKeys) {
    this.#questions = questions
    this.#keys = keys
  }

  async note({ entries, strangers, admitted, refused }: JournalPage): Promise<void> {
    bounded(entries)
    bounded(strangers)
    const { refusals, totals } = this.#keys
    await this.#questions.ask((redis) =>
      Promise.all([
        ...entries.map((text) => redis.xadd(refusals, 'MAXLEN', JOURNAL_ENTRIES, '*', 'note', text)),
        ...strangers.map((text) => redis.xadd(this.#keys.strangers, 'MAXLEN', JOURNAL_STRANGERS, '*', 'note', text)),
        ...(admitted > 0 ? [redis.hincrby(totals, 'admitted', admitted)] : []),
        ...(refused > 0 ? [redis.hincrby(totals, 'refused', refused)] : []),
      ]),
    )
  }

  async read({ before, after, limit }: JournalRange): Promise<JournalEntry[]> {
    const to = before === undefined ? '+' : `(${before}`
    const from = after === undefined ? '-' : `(${after}`
    const most = Math.min(limit, JOURNAL_ALL)
    const { refusals, strangers } = this.#keys
    const found = await this.#questions.ask((redis) =>
      Promise.all([refusals, strangers].map((key) => redis.xrevrange(key, to, from, 'COUNT', most))),
    )
    const entries = found.flat().map(([id, fields]) => ({ id, text: fields[1] ?? '' }))
    entries.sort(newestFirst)
    // Whoever goes on from the last one must not miss another of the same place.
    const isTorn = entries[most] !== undefined && entries[most].id === entries[most - 1]?.id
    return entries.slice(0, isTorn ? most + 1 : most)
  }

  async totals(): Promise<JournalTotals> {
    const [admitted, refused] = await this.#questions.ask((redis) =>
      redis.hmget(this.#keys.totals, 'admitted', 'refused'),
    )
    return { admitted: Number(admitted ?? 0), refused: Number(refused ?? 0) }
  }
}

function newestFirst(one: JournalEntry, other: JournalEntry): number {
  const [oneMs = 0, oneNth = 0] = one.id.split('-').map(Number)
  const [otherMs = 0, otherNth = 0] = other.id.split('-').map(Number)
  return otherMs - oneMs || otherNth - oneNth
}
