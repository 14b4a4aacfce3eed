import { describe, expect, test } from 'vitest'
import { JOURNAL_ALL, JOURNAL_KEPT, type JournalKind } from '../../src/store/journal.js'
import { MAX_ITEMS } from '../../src/store/lease-store.js'
import type { BenchOf } from './suite.js'

export function journalTests(bench: BenchOf): void {
  const NONE = { entries: [], storms: [], strangers: [], admitted: 0, refused: 0 }
  const note = (...entries: string[]) => bench().store.journal.note({ ...NONE, entries })
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
      for (let from = 0; from < JOURNAL_KEPT.entries + MAX_ITEMS; from += MAX_ITEMS) {
        await note(...Array.from({ length: MAX_ITEMS }, (_, i) => String(from + i)))
      }
      const all = await texts({ limit: 9_999 })
      expect(all).toHaveLength(JOURNAL_KEPT.entries)
      expect(Number(all[0]) - Number(all.at(-1))).toBe(JOURNAL_KEPT.entries - 1)
      await expect(note(...Array.from({ length: MAX_ITEMS + 1 }, String))).rejects.toThrow(RangeError)
    })

    const BESIDE: readonly JournalKind[] = ['storms', 'strangers']
    test.each(BESIDE)('of %s keeps the newest, and forgets nobody else for them', async (kind) => {
      const noteThem = (...texts: string[]) => bench().store.journal.note({ ...NONE, [kind]: texts })
      await note('known')
      for (let from = 0; from < JOURNAL_ALL; from += MAX_ITEMS) {
        await noteThem(...Array.from({ length: MAX_ITEMS }, (_, i) => String(from + i)))
      }
      const all = await texts({ limit: 9_999 })
      expect(all).toHaveLength(JOURNAL_KEPT[kind] + 1)
      expect(all.at(-1)).toBe('known')
      expect(Number(all[0]) - Number(all.at(-2))).toBe(JOURNAL_KEPT[kind] - 1)
      await expect(noteThem(...Array.from({ length: MAX_ITEMS + 1 }, String))).rejects.toThrow(RangeError)
    })

    test('is read page by page, those of all kinds among each other, none twice and none left out', async () => {
      const names = (kind: string) => Array.from({ length: 10 }, (_, n) => `${kind}-${n}`)
      const { journal } = bench().store
      for (let page = 0; page < 2; page++) {
        const [entries, storms] = [names(`known-${page}`), names(`storm-${page}`)]
        await journal.note({ ...NONE, entries, storms, strangers: names(`stranger-${page}`) })
      }
      const read: string[] = []
      for (let before: string | undefined; ; ) {
        const page = await journal.read({ before, limit: 3 })
        if (page.length === 0) break
        read.push(...page.map(({ text }) => text))
        before = page.at(-1)!.id
      }
      const kinds = ['known', 'storm', 'stranger']
      const written = kinds.flatMap((kind) => [`${kind}-0`, `${kind}-1`]).flatMap(names)
      expect([...read].sort()).toEqual(written.sort())
      for (const kind of kinds) {
        expect(read.filter((text) => text.startsWith(kind))).toEqual(
          [...names(`${kind}-0`), ...names(`${kind}-1`)].reverse(),
        )
      }
    })

    test('adds up what nodes have counted', async () => {
      const { journal } = bench().store
      await journal.note({ ...NONE, admitted: 3 })
      await journal.note({ ...NONE, entries: ['x'], admitted: 2, refused: 7 })
      expect(await journal.totals()).toEqual({ admitted: 5, refused: 7 })
    })
  })
}
