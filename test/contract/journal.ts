import { describe, expect, test } from 'vitest'
import { JOURNAL_ENTRIES } from '../../src/store/journal.js'
import { MAX_ITEMS } from '../../src/store/lease-store.js'
import type { BenchOf } from './suite.js'

export function journalTests(bench: BenchOf): void {
  const note = (...entries: string[]) => bench().store.journal.note({ entries, admitted: 0, refused: 0 })
  const texts = async (range: { before?: string; after?: string; limit?: number } = {}) =>
    (await bench().store.journal.read({ limit: 100, ...range })).map(({ text }) => text)

  describe('the journal', () => {
    test('of an empty store is empty', async () => {
      const { journal } = bench().store
      expect([await journal.read({ limit: 9 }), await journal.totals()]).toEqual([[], { admitted: 0, refused: 0 }])
    })

    test('gives back whatever text, the newest first, and as many as asked for', async () => {
      await note('one', 'two')
      await note('组织 "🏢"\r\n\u0000')
      expect(await texts()).toEqual(['组织 "🏢"\r\n\u0000', 'two', 'one'])
      expect(await texts({ limit: 2 })).toHaveLength(2)
    })

    test('is read page by page, and from where an earlier look ended', async () => {
      await note('a', 'b', 'c', 'd')
      const [d, c] = await bench().store.journal.read({ limit: 2 })
      expect(await texts({ before: c!.id })).toEqual(['b', 'a'])
      expect(await texts({ after: c!.id })).toEqual(['d'])
      await note('e')
      expect(await texts({ after: d!.id })).toEqual(['e'])
      expect(d!.id).toMatch(/^\d+-\d+$/)
    })

    test('keeps the newest entries, and no more than it may', async () => {
      for (let from = 0; from < JOURNAL_ENTRIES + MAX_ITEMS; from += MAX_ITEMS) {
        await note(...Array.from({ length: MAX_ITEMS }, (_, i) => String(from + i)))
      }
      const all = await texts({ limit: 9_999 })
      expect(all).toHaveLength(JOURNAL_ENTRIES)
      expect(Number(all[0]) - Number(all.at(-1))).toBe(JOURNAL_ENTRIES - 1)
      await expect(note(...Array.from({ length: MAX_ITEMS + 1 }, String))).rejects.toThrow(RangeError)
    })

    test('adds up what nodes have counted', async () => {
      const { journal } = bench().store
      await journal.note({ entries: [], admitted: 3, refused: 0 })
      await journal.note({ entries: ['x'], admitted: 2, refused: 7 })
      expect(await journal.totals()).toEqual({ admitted: 5, refused: 7 })
    })
  })
}
