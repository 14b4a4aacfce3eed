import { describe, expect, test } from 'vitest'
import { listedOrgs } from '../support/listed-orgs.js'
import { fingerprint } from '../support/store-contents.js'
import { claim, claims, StoreNode } from '../support/store-node.js'
import type { BenchOf } from './suite.js'

/** Each is an org like any other, and none may reach another's keys or the store's own. */
const HOSTILE = [
  '{1}',
  '{',
  '}',
  '{0}:admission',
  '}{0}:meta',
  'a:b',
  ':',
  'admission',
  'acme:org:acme',
  '../acme',
  'line\r\nbreak',
  '*2\r\n$4\r\nPING\r\n',
  'nul\0nul',
  '\0',
  '😀👩‍👩‍👧',
  'ünïcödé e\u0301',
  'é',
  'e\u0301',
  '__proto__',
  'constructor',
  'toString',
  '*',
  '?',
  '[a-z]*',
  '\\',
  "'; return redis.call('FLUSHALL') --",
  '"quoted"',
  '%s%d%%',
  ' ',
  '-1',
  'inf',
  'ACME',
  'x'.repeat(256),
  '€'.repeat(256),
]

export function hostileTests(bench: BenchOf): void {
  /** All that the store holds, but for its memory of what operators have cleared. */
  async function withoutClears(): Promise<string> {
    return fingerprint({ ...(await bench().contents()), overrideVersion: 0, overrideRecords: new Map() })
  }

  describe('a hostile org id (S5)', () => {
    test.each(HOSTILE.map((id) => [JSON.stringify(id).slice(0, 40), id]))(
      '%s is exact like any other',
      async (_, id) => {
        const node = await StoreNode.join(bench())
        const gateway = { name: 'gateway', id, limit: 2 }
        await node.acquire(claim('bystander', 'acme', 1))
        const before = await withoutClears()
        const held = claims(3, 'x', id, 2, gateway)
        expect(await node.acquire(...held)).toEqual([
          { admitted: true, count: 1, limit: 2 },
          { admitted: true, count: 2, limit: 2 },
          { admitted: false, reason: 'full', scope: 0, count: 2, limit: 2 },
        ])
        await node.override(id, 3)
        const { scopes, strangers, overrides } = await bench().contents()
        expect([...scopes.keys()].sort()).toEqual([`gateway:${id}`, `org:${id}`, 'org:acme'].sort())
        expect([strangers, [...overrides]]).toEqual([[], [[id, 3]]])
        expect(await bench().store.inspector.countOrgs([id, 'acme'])).toEqual([
          { org: id, count: 2, override: 3 },
          { org: 'acme', count: 1, override: undefined },
        ])
        expect(await listedOrgs(bench().store.inspector)).toEqual(new Set([id, 'acme']))
        expect((await bench().store.inspector.holders(id, 9)).map(({ details }) => details)).toEqual([
          'details of x-0',
          'details of x-1',
        ])
        await node.override(id, undefined)
        await node.release(...held)
        expect(await withoutClears()).toBe(before)
      },
    )

    test('all of them side by side are as many orgs, swept like any other', async () => {
      const [node, gone] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      const verdicts = await gone.acquire(...HOSTILE.map((id, i) => claim(`c-${i}`, id, 1)))
      expect(verdicts.every((verdict) => verdict.admitted)).toBe(true)
      expect((await bench().contents()).scopes.size).toBe(HOSTILE.length)
      await node.outlive()
      await node.sweepAll(gone.lease)
      expect((await bench().contents()).scopes.size).toBe(0)
    })

    test('hostile ids and details of a connection come back as they went in', async () => {
      const node = await StoreNode.join(bench())
      for (const [i, text] of HOSTILE.entries()) {
        const asked = { ...claim(`${i}${text}`, 'acme', 99), details: text }
        expect(await node.admitted(asked)).toBe(1)
      }
      const holders = await bench().store.inspector.holders('acme', 99)
      expect(new Set(holders.map(({ details }) => details))).toEqual(new Set(HOSTILE))
    })
  })
}
