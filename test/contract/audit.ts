import { describe, expect, test } from 'vitest'
import type { IndexEntry } from '../../src/store/lease-store.js'
import { fingerprint } from '../support/store-contents.js'
import { claim, claims, done, StoreNode } from '../support/store-node.js'
import type { BenchOf } from './suite.js'

const gateway = { name: 'gateway', id: 'g', limit: 999 }

export function auditTests(bench: BenchOf): void {
  describe('audit (L5)', () => {
    async function walk(node: StoreNode): Promise<IndexEntry[]> {
      const entries: IndexEntry[] = []
      let cursor = '0'
      do {
        const page = done(await node.connection.audit(node.fence, cursor, []))
        entries.push(...page.entries)
        cursor = page.cursor
      } while (cursor !== '0')
      return entries
    }

    test('walks the whole index of the own lease, page by page', async () => {
      const [node, other] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      // More than 512, up to which Redis keeps a hash in the compact form and hands it out in one page.
      for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']) {
        await node.acquire(...claims(60, name, 'acme', 999, gateway))
      }
      await other.acquire(claim('foreign', 'acme', 500))
      const entries = await walk(node)
      const names = new Set(entries.map(({ id }) => id))
      expect(names.size).toBe(540)
      expect(names).not.toContain('foreign')
      const scopes = [
        { name: 'org', id: 'acme' },
        { name: 'gateway', id: 'g' },
      ]
      expect(entries.find(({ id }) => id === 'c-7')).toEqual({ id: 'c-7', scopes, details: 'details of c-7' })
    })

    test('says of each slot whether it is held whole', async () => {
      const [node, other] = [await StoreNode.join(bench()), await StoreNode.join(bench())]
      await node.acquire(claim('whole', 'acme', 500, gateway), claim('less', 'acme', 500))
      await other.acquire(claim('foreign', 'acme', 500, gateway))
      const before = fingerprint(await bench().contents())
      const slots = [
        claim('whole', 'acme', 0, gateway),
        claim('less', 'acme', 0, gateway),
        claim('foreign', 'acme', 0, gateway),
        claim('never', 'acme', 0),
      ]
      expect(done(await node.connection.audit(node.fence, undefined, slots))).toEqual({
        cursor: '0',
        entries: [],
        whole: [true, false, false, false],
        evictionPolicy: '',
      })
      expect(fingerprint(await bench().contents())).toBe(before)
      await expect(async () =>
        node.connection.audit(node.fence, undefined, claims(65, 'x', 'acme', 1)),
      ).rejects.toThrow(RangeError)
    })
  })
}
