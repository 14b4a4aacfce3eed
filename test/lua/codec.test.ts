import { describe, expect, test } from 'vitest'
import * as codec from '../../src/store/redis/codec.js'
import { claim } from '../support/store-node.js'

const two = [claim('a', 'acme', 1), claim('b', 'acme', 1, { name: 'gateway', id: 'g', limit: 1 })]

/** Rule 6: a reply without the promised shape is treated like no answer, so it must be noticed. */
describe('the reading of replies', () => {
  const verdicts = (raw: unknown) => codec.readReply(raw, (rest) => codec.readVerdicts(two, rest))
  const reasserted = (raw: unknown) => codec.readReply(raw, (rest) => codec.readReassert(two, rest))
  const audited = (raw: unknown) => codec.readReply(raw, (rest) => codec.readAudit(two, rest))

  test.each<[string, () => unknown]>([
    ['no list', () => verdicts('OK')],
    ['nothing', () => verdicts(null)],
    ['an empty list', () => verdicts([])],
    ['a number alone for two claims', () => verdicts(3)],
    ['an unknown word', () => verdicts(['yes', 0, 1, 1, -1])],
    ['a number for a word', () => verdicts([1])],
    ['a verdict short', () => verdicts(['ok', 1])],
    ['a verdict too many', () => verdicts(['ok', 1, 1, 1])],
    ['a count that is no number', () => verdicts(['ok', 'many', 1])],
    ['a count that is empty', () => verdicts(['ok', '', 1])],
    ['a count that is a fraction', () => verdicts(['ok', 1.5, 1])],
    ['a count that is nothing', () => verdicts(['ok', null, 1])],
    ['a scope that the claim does not have', () => verdicts(['ok', [2, 1, 1, -1], 1])],
    ['a verdict with a part short', () => verdicts(['ok', [1, 1, 1], 1])],
    ['an outcome nobody knows', () => verdicts(['ok', [-9, 1, 1, -1], 1])],
    ['recovering without a time', () => verdicts(['recovering'])],
    ['an unknown reassertion', () => reasserted(['ok', 'kept', 'perhaps'])],
    ['a reassertion short', () => reasserted(['ok', 'kept'])],
    ['a lone half of an index entry', () => audited(['ok', '0', ['a'], [1, 1], ''])],
    ['an audit short', () => audited(['ok', '0', [], [1], ''])],
    ['an audit without lists', () => audited(['ok', '0'])],
    ['an audit without a policy', () => audited(['ok', '0', [], [1, 1]])],
    ['a hello without an epoch', () => codec.readReply(['ok'], codec.readHello)],
    ['a renewal without numbers', () => codec.readReply(['ok'], codec.readRenew)],
    ['a dead lease that is no number', () => codec.readReply(['ok', 0, 1, 0, 0, [], 'x'], codec.readRenew)],
    ['index entries that are no list', () => codec.readEntries('a')],
  ])('notices %s', (_, read) => {
    expect(read).toThrow(codec.MalformedReply)
  })

  test('takes every outcome that is promised', () => {
    expect(verdicts(['ok', 1, [2, 4, 4, 250]])).toEqual({
      status: 'ok',
      value: [
        { admitted: true, count: 1, limit: 1 },
        { admitted: false, reason: 'full', scope: 1, count: 4, limit: 4, freeInMs: 250 },
      ],
    })
    expect(verdicts(['ok', [0, 1, 9, -1], [0, 2, -1, -1]])).toMatchObject({
      value: [{ limit: 9 }, { limit: Infinity }],
    })
    expect(verdicts(['ok', -7, 0])).toMatchObject({
      value: [
        { admitted: false, reason: 'full', scope: 0, count: 7, limit: 1 },
        { admitted: false, reason: 'full', scope: 0, count: 0, limit: 1 },
      ],
    })
    expect(verdicts(['ok', [-1, 0, 0, -1], [-2, 0, 0, -1]])).toMatchObject({
      value: [{ reason: 'broken' }, { reason: 'memory' }],
    })
    expect(verdicts(['recovering', 250])).toEqual({ status: 'refused', reason: 'recovering', retryAfterMs: 250 })
    expect(reasserted(['ok', 'kept', 'broken'])).toEqual({ status: 'ok', value: ['kept', 'broken'] })
    expect(audited(['ok', '7', [], [1, 0], 'x'])).toMatchObject({
      value: { cursor: '7', whole: [true, false], evictionPolicy: 'x' },
    })
  })

  test('gives index entries back as they were, whatever is in them', () => {
    const odd = { ...claim('a', '"]\n[', 1, { name: 'gateway', id: '\0', limit: 1 }), details: 'one\ntwo' }
    expect(codec.decodeEntry('a', codec.encodeEntry(odd))).toEqual({
      id: 'a',
      scopes: odd.scopes.map(({ name, id }) => ({ name, id })),
      details: 'one\ntwo',
    })
    for (const text of ['no entry of ours', '7\n', 'null\n', '{"org":"acme"}\n']) {
      expect(codec.decodeEntry('a', text)).toMatchObject({ scopes: [] })
    }
  })

  test.each(['acme', '"]\n[', '["org","acme"]', '\0', '🚪', ''])('names the org %j alone by its id', (org) => {
    const entry = codec.encodeEntry(claim('a', org, 1))
    expect(entry).toBe(`${JSON.stringify(org)}\ndetails of a`)
    expect(codec.decodeEntry('a', entry)).toEqual({
      id: 'a',
      scopes: [{ name: 'org', id: org }],
      details: 'details of a',
    })
  })

  test('limits without end travel as -1 and come back', () => {
    expect(codec.claimArgs([claim('a', 'acme', Number.POSITIVE_INFINITY)]).at(-1)).toBe(-1)
    expect(codec.overrideOf(String(codec.overrideArg(Number.POSITIVE_INFINITY)))).toBe(Number.POSITIVE_INFINITY)
    expect(codec.overrideOf(String(codec.overrideArg(undefined)))).toBeUndefined()
    expect(codec.overrideOf(String(codec.overrideArg(0)))).toBe(0)
  })
})
