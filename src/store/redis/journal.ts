import { bounded } from '../bounded.js'
import {
  JOURNAL_ALL,
  JOURNAL_KEPT,
  JOURNAL_KINDS,
  type Journal,
  type JournalEntry,
  type JournalPage,
  type JournalRange,
  type JournalTotals,
} from '../journal.js'
import type { RedisKeys } from './keys.js'
import type { RedisQuestions } from './questions.js'

/**
 * The journal in Redis: a stream for each kind and two counters, over the connection for questions, so that no admission
 * waits for it.
 */
export class RedisJournal implements Journal {
  readonly #questions: RedisQuestions
  readonly #keys: RedisKeys

  constructor(questions: RedisQuestions, keys: RedisKeys) {
    this.#questions = questions
    this.#keys = keys
  }

  async note({ admitted, refused, ...page }: JournalPage): Promise<void> {
    for (const kind of JOURNAL_KINDS) bounded(page[kind])
    const { journal, totals } = this.#keys
    await this.#questions.ask(async (redis) => {
      const done = await Promise.allSettled([
        ...JOURNAL_KINDS.flatMap((kind) =>
          page[kind].map((text) => redis.xadd(journal[kind], 'MAXLEN', JOURNAL_KEPT[kind], '*', 'note', text)),
        ),
        ...(admitted > 0 ? [redis.hincrby(totals, 'admitted', admitted)] : []),
        ...(refused > 0 ? [redis.hincrby(totals, 'refused', refused)] : []),
      ])
      // Where some was taken the rest is lost: whoever hands a page on again would have that counted again each time.
      const failed = done.find((each) => each.status === 'rejected')
      if (failed && done.every(({ status }) => status === 'rejected')) throw failed.reason
    })
  }

  async read({ before, after, limit }: JournalRange): Promise<JournalEntry[]> {
    const to = before === undefined ? '+' : `(${before}`
    const from = after === undefined ? '-' : `(${after}`
    const most = Math.min(limit, JOURNAL_ALL)
    const found = await this.#questions.ask((redis) =>
      Promise.all(Object.values(this.#keys.journal).map((key) => redis.xrevrange(key, to, from, 'COUNT', most))),
    )
    const entries = found.flat().map(([id, fields]) => ({ id, text: fields[1] ?? '' }))
    entries.sort(newestFirst)
    // Whoever goes on from the last one must not miss another of the same place.
    const last = entries[most - 1]
    return entries.filter(({ id }, place) => place < most || id === last?.id)
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
