import { describe, expect, test } from 'vitest'
import { CLEARS_REMEMBERED, type OverrideRecord } from '../../src/store/override-records.js'
import { claim, claims, recovered, StoreNode } from '../support/store-node.js'
import type { BenchOf } from './suite.js'

const remembered = (org: string, version: number, rest: Partial<OverrideRecord> = {}): OverrideRecord => ({
  ...{ org, kind: 'override', version, limit: 1, expiresInMs: undefined, details: 'of before' },
  ...rest,
})

const inForceOn = (bench: BenchOf) => async (org: string) =>
  (await bench().store.inspector.countOrgs([org]))[0]?.override

/** What operators have set for an org: what is in force, when it ends, and what nodes hear of it. */
export function overrideTests(bench: BenchOf): void {
  const inForce = inForceOn(bench)

  describe('an override and a tier (S1)', () => {
    test('the override wins over the tier, the tier over the claim, and each is taken back by itself', async () => {
      const node = await StoreNode.join(bench())
      const many = claims(9, 'x', 'acme', 1)
      await node.override('acme', 4, { kind: 'tier', details: 'big' })
      await node.override('acme', 2, { details: 'small' })
      expect(await node.admitted(...many)).toBe(2)
      expect(await bench().store.inspector.overridesOf('acme')).toEqual({
        override: { limit: 2, details: 'small' },
        tier: { limit: 4, details: 'big' },
      })
      await node.override('acme', undefined)
      expect(await node.admitted(...many)).toBe(4)
      expect(await bench().store.inspector.overridesOf('acme')).toEqual({ tier: { limit: 4, details: 'big' } })
      await node.override('acme', undefined, { kind: 'tier' })
      expect(await inForce('acme')).toBeUndefined()
      expect(await bench().store.inspector.overridesOf('acme')).toEqual({})
    })

    test('ends with the first renewal of any node after its time, and not before it', async () => {
      const [one, other] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      await one.override('acme', 9, { kind: 'tier' })
      await one.override('acme', 1, { expiresInMs: 5_000, details: 'why' })
      for (const passMs of [3_000, 1_999]) {
        await bench().pass(passMs)
        await other.renew()
        expect(await inForce('acme')).toBe(1)
      }
      await bench().pass(1)
      expect(await inForce('acme')).toBe(1)
      const { overrideVersion } = await other.renew()
      expect(await inForce('acme')).toBe(9)
      expect(overrideVersion).toBe(3)
      const { records } = await one.learn(2)
      expect(records).toMatchObject([{ org: 'acme', kind: 'override', version: 3, limit: undefined, details: 'why' }])
    })

    test('ends before another that is due later, and of two due at once the first by name', async () => {
      const node = await StoreNode.join(bench())
      await node.override('late', 1, { expiresInMs: 3_000 })
      await node.override('b', 1, { expiresInMs: 2_000 })
      await node.override('a', 1, { expiresInMs: 2_000 })
      await node.override('stays', 1)
      await bench().pass(3_000)
      await node.renew()
      const { records } = await node.learn(0)
      expect(records.map(({ org, expiresInMs }) => [org, expiresInMs])).toEqual(
        ['stays', 'a', 'b', 'late'].map((org) => [org, undefined]),
      )
    })

    test('is not ended by what was set before it was set again', async () => {
      const node = await StoreNode.join(bench())
      await node.override('acme', 1, { expiresInMs: 1_000 })
      await node.override('acme', 2)
      await bench().pass(3_000)
      await node.renew()
      expect(await inForce('acme')).toBe(2)
    })

    test('a jump of TIME ends nothing early (R3)', async () => {
      const node = await StoreNode.join(bench())
      await node.override('acme', 1, { expiresInMs: 60_000 })
      await bench().pass(24 * 3_600_000)
      await node.renew()
      expect(await inForce('acme')).toBe(1)
    })
  })

  describe('what nodes hear of overrides', () => {
    test('nothing while nobody has set any', async () => {
      const node = await StoreNode.join(bench())
      expect((await node.renew()).overrideVersion).toBe(0)
      expect(await node.learn(0)).toEqual({ records: [], unreadable: [], next: 0, more: false, floor: 0 })
    })

    test('every record once, in its latest version, page by page, whatever changes meanwhile', async () => {
      const node = await StoreNode.join(bench())
      for (let i = 0; i < 150; i++) await node.override(`org-${i}`, i, { expiresInMs: 60_000, details: `d\n${i}` })
      const heard = new Map<string, number | undefined>()
      let page = await node.learn(0)
      let pages = 1
      await node.override('org-3', undefined)
      for (;;) {
        for (const { org, limit } of page.records) heard.set(org, limit)
        if (!page.more) break
        page = await node.learn(page.next)
        pages++
      }
      expect([heard.size, pages, heard.get('org-3'), heard.get('org-149')]).toEqual([150, 3, undefined, 149])
      expect((await node.renew()).overrideVersion).toBe(151)
      expect(page.next).toBe(151)
      const { records } = await node.learn(149)
      expect(records[0]).toEqual({
        ...{ org: 'org-149', kind: 'override', version: 150, limit: 149, expiresInMs: 60_000, details: 'd\n149' },
      })
    })

    test('how long one lasts, and of one that is due and not ended yet that this is no time (R1)', async () => {
      const node = await StoreNode.join(bench())
      await node.override('acme', 1, { expiresInMs: 2_000 })
      const left = async (passedMs: number) => {
        await bench().pass(passedMs)
        await node.override('other', 1)
        return (await node.learn(0)).records.find(({ org }) => org === 'acme')?.expiresInMs
      }
      expect([await left(500), await left(1_500), await left(1_000)]).toEqual([1_500, 0, 0])
    })

    test('that the only one there ever was has ended by itself', async () => {
      const node = await StoreNode.join(bench())
      await node.override('acme', 1, { expiresInMs: 2_000 })
      await bench().pass(2_000)
      expect((await node.renew()).overrideVersion).toBe(2)
      expect(await inForce('acme')).toBeUndefined()
    })

    test(`of clears the last ${CLEARS_REMEMBERED}, and below which version some are forgotten`, async () => {
      const node = await StoreNode.join(bench())
      // Cleared once and set since: no clear any more, so nothing to forget.
      await node.override('kept', undefined)
      await node.override('kept', 7)
      for (let i = 0; i < CLEARS_REMEMBERED + 2; i++) await node.override(`org-${i}`, undefined)
      const { overrideRecords, overrideFloor } = await bench().contents()
      expect([overrideRecords.size, overrideFloor]).toEqual([CLEARS_REMEMBERED + 1, 4])
      expect([await inForce('kept'), (await node.learn(0)).floor]).toEqual([7, 4])
    })
  })
}

/** After the store has lost its memory: nodes write back what they remember, before admissions resume. */
export function restoreTests(bench: BenchOf): void {
  const inForce = inForceOn(bench)

  /** A node of a second life of the store, in which admissions still wait. */
  async function secondLife(loss: 'wipe' | 'becomeAnother' = 'wipe'): Promise<StoreNode> {
    await recovered(bench(), await StoreNode.join(bench()))
    await bench()[loss]()
    return StoreNode.join(bench(), { reasserting: true })
  }

  describe('overrides that are written back (R1)', () => {
    test('are in force again when admissions resume, with the time they had left', async () => {
      const node = await secondLife()
      const [long, short] = [remembered('acme', 5, { limit: 0 }), remembered('brief', 6, { expiresInMs: 12_000 })]
      const tier = remembered('acme', 7, { kind: 'tier', limit: 8 })
      expect(await node.restore(long, short, tier)).toEqual(['written', 'written', 'written'])
      await node.reassert('keep', true)
      await recovered(bench(), node)
      expect(await node.admitted(claim('a', 'acme', 9), claim('b', 'brief', 9), claim('c', 'brief', 9))).toBe(1)
      expect((await node.renew()).overrideVersion).toBe(7)
      await bench().pass(3_000)
      await node.renew()
      expect(await node.admitted(claim('c', 'brief', 9))).toBe(1)
    })

    test('by several nodes, in any order: the newest version stays, a clear too', async () => {
      const [node, other] = [await secondLife(), await StoreNode.join(bench())]
      const clear = { limit: undefined }
      expect(await node.restore(remembered('a', 5), remembered('b', 6, clear))).toEqual(['written', 'written'])
      expect(await other.restore(remembered('a', 5), remembered('b', 4))).toEqual(['known', 'known'])
      expect(await other.restore(remembered('a', 8, clear), remembered('c', 2))).toEqual(['written', 'written'])
      expect([...(await bench().contents()).overrides]).toEqual([['c', 1]])
    })

    test('do not end while others may still write back: what somebody has set since wins, and not the clock', async () => {
      const node = await secondLife()
      expect(await node.restore(remembered('acme', 1, { limit: 0, expiresInMs: 0 }))).toEqual(['written'])
      await bench().pass(1_000)
      expect((await node.renew()).overrideVersion).toBe(1)
      expect(await node.restore(remembered('acme', 2, { limit: 0 }))).toEqual(['written'])
      await node.reassert('keep', true)
      await recovered(bench(), node)
      expect([await inForce('acme'), (await node.renew()).overrideVersion]).toEqual([0, 2])
    })

    test('end with the renewal with which admissions resume, where their time was over before', async () => {
      const node = await secondLife()
      await node.restore(remembered('acme', 1, { expiresInMs: 0 }))
      await node.override('other', 2, { expiresInMs: 1_000 })
      await node.reassert('keep', true)
      let recoveryMs = 1
      while (recoveryMs > 0) {
        expect([await inForce('acme'), await inForce('other')]).toEqual([1, 2])
        await bench().pass(1_000)
        recoveryMs = (await node.renew()).recoveryMs
      }
      expect([await inForce('acme'), await inForce('other')]).toEqual([undefined, undefined])
      const { records } = await node.learn(2)
      expect(records.map(({ org, version, limit }) => [org, version, limit])).toEqual([
        ['acme', 3, undefined],
        ['other', 4, undefined],
      ])
    })

    test('yield to what was set or cleared in this life of the store, whatever its version', async () => {
      const node = await secondLife()
      await node.override('acme', 3)
      await node.override('gone', undefined)
      expect(await node.restore(remembered('acme', 9), remembered('gone', 40))).toEqual(['known', 'known'])
      expect([...(await bench().contents()).overrides]).toEqual([['acme', 3]])
      // Nor in the next life: what was set last has the higher version from here on.
      const { records } = await node.learn(0)
      expect(records.map(({ org, version }) => [org, version])).toEqual([
        ['acme', 10],
        ['gone', 41],
      ])
    })

    test('win over an old snapshot, whose own records are from an earlier life', async () => {
      const first = await StoreNode.join(bench())
      await recovered(bench(), first)
      await first.override('acme', 2)
      await bench().becomeAnother()
      const node = await StoreNode.join(bench(), { reasserting: true })
      expect(await node.restore(remembered('acme', 1, { limit: 7 }))).toEqual(['known'])
      expect(await node.restore(remembered('acme', 2, { limit: 9 }))).toEqual(['written'])
      expect([...(await bench().contents()).overrides]).toEqual([['acme', 9]])
    })

    test('raise the version of what was set in this life above the one offered, and never without need', async () => {
      const node = await secondLife()
      expect(await node.restore(remembered('first', 1))).toEqual(['written'])
      expect((await node.renew()).overrideVersion).toBe(1)
      await node.override('acme', 3)
      const versionAfter = async (offered: number) => {
        await node.restore(remembered('acme', offered))
        return (await node.learn(0)).records.find(({ org }) => org === 'acme')?.version
      }
      expect([await versionAfter(1), await versionAfter(2), await versionAfter(2)]).toEqual([2, 3, 3])
    })

    test('in versions that two lives share are all learned, page by page', async () => {
      const node = await secondLife()
      const old = Array.from({ length: 63 }, (_, i) => remembered(`old-${i}`, 1))
      await node.restore(...old)
      await node.restore(remembered('one', 2), remembered('two', 2))
      const page = await node.learn(0)
      expect([page.records.length, page.next, page.more]).toEqual([64, 1, true])
      const { records, next, more } = await node.learn(page.next)
      expect([records.map(({ org }) => org), next, more]).toEqual([['one', 'two'], 2, false])
    })

    test('in a page of nothing but one version are passed all the same: nobody asks for that page for ever', async () => {
      const node = await secondLife()
      await node.restore(...Array.from({ length: 64 }, (_, i) => remembered(`old-${i}`, 1)))
      expect(await node.learn(0)).toMatchObject({ next: 1, more: true })
      expect(await node.learn(1)).toEqual({ records: [], unreadable: [], next: 1, more: false, floor: 0 })
    })

    test('of clears too many leave the oldest behind, of two as old the first by name; the floor never falls', async () => {
      const node = await secondLife()
      const clear = (org: string, version: number) => remembered(org, version, { limit: undefined })
      const most = Array.from({ length: CLEARS_REMEMBERED - 2 }, (_, i) => clear(`org-${i}`, 20 + i))
      for (let i = 0; i < most.length; i += 64) await node.restore(...most.slice(i, i + 64))
      await node.restore(clear('b', 10), clear('a', 10))
      const after = async (record: OverrideRecord) => {
        await node.restore(record)
        const { records, floor } = await node.learn(0)
        return [records[0]?.org, floor]
      }
      expect(await after(clear('new', 5_000))).toEqual(['b', 10])
      expect(await after(clear('late', 5))).toEqual(['b', 10])
    })

    test('are refused once admissions have resumed: nobody brings back what was cleared since', async () => {
      const node = await secondLife('becomeAnother')
      await node.reassert('keep', true)
      await recovered(bench(), node)
      expect(await node.restore(remembered('acme', 9))).toEqual(['over'])
      expect((await bench().contents()).overrides.size).toBe(0)
    })
  })
}
