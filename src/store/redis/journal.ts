import { bounded } from '../bounded.js'
import {
  JOURNAL_ENTRIES,
  type Journal,
  type JournalEntry,
  type JournalPage,
  type JournalRange,
  type JournalTotals,
} from '../journal.js'
import type { RedisKeys } from './keys.js'
import type { RedisQuestions } from './questions.js'

/**
 * The journal in Redis: a stream and two counters, over the connection for questions, so that no admission waits for
 * it.
 */
export class RedisJournal implements Journal {
  readonly #questions: RedisQuestions
  readonly #keys: RedisKeys

  constructor(questions: RedisQuestions, keys: RedisKeys) {
    this.#questions = questions
    this.#keys = keys
  }

  async note({ entries, admitted, refused }: JournalPage): Promise<void> {
    bounded(entries)
    const { refusals, totals } = this.#keys
    await this.#questions.ask((redis) =>
      Promise.all([
        ...entries.map((text) => redis.xadd(refusals, 'MAXLEN', JOURNAL_ENTRIES, '*', 'note', text)),
        ...(admitted > 0 ? [redis.hincrby(totals, 'admitted', admitted)] : []),
        ...(refused > 0 ? [redis.hincrby(totals, 'refused', refused)] : []),
      ]),
    )
  }

  async read({ before, after, limit }: JournalRange): Promise<JournalEntry[]> {
    const to = before === undefined ? '+' : `(${before}`
    const from = after === undefined ? '-' : `(${after}`
    const found = await this.#questions.ask((redis) =>
      redis.xrevrange(this.#keys.refusals, to, from, 'COUNT', Math.min(limit, JOURNAL_ENTRIES)),
    )
    return found.map(([id, fields]) => ({ id, text: fields[1] ?? '' }))
  }

  async totals(): Promise<JournalTotals> {
    const [admitted, refused] = await this.#questions.ask((redis) =>
      redis.hmget(this.#keys.totals, 'admitted', 'refused'),
    )
    return { admitted: Number(admitted ?? 0), refused: Number(refused ?? 0) }
  }
}
