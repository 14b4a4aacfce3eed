import { describe, expect, test } from 'vitest'
import { newSecret } from '../../src/core/ids.js'
import { ResumeTokens } from '../../src/node/admission/resume-tokens.js'
import { ManualClock } from '../support/manual-clock.js'

const DAY_MS = 24 * 3_600_000
const owner = { org: 'acme', gateway: 'g' }

describe('resume tokens', () => {
  function made(secret = 'a secret of the cluster') {
    const clock = new ManualClock()
    const tokens = new ResumeTokens(clock)
    tokens.learn(secret)
    return { clock, tokens, token: tokens.issue(owner, 'm6ok07tub-0')! }
  }

  test('name the connection to its owner, on every node with the secret', () => {
    const { token } = made()
    expect(made().tokens.connectionIn(token, owner)).toBe('m6ok07tub-0')
    expect(token).toMatch(/^[\w.-]+$/)
  })

  test('are nothing to anybody else', () => {
    const { tokens, token } = made()
    for (const other of [{ org: 'acme' }, { org: 'acme', gateway: 'h' }, { org: 'globex', gateway: 'g' }]) {
      expect(tokens.connectionIn(token, other)).toBeUndefined()
    }
    expect(made('another').tokens.connectionIn(token, owner)).toBeUndefined()
    const joined = tokens.issue({ org: 'a', gateway: 'bc' }, 'x-0')!
    expect(tokens.connectionIn(joined, { org: 'ab', gateway: 'c' })).toBeUndefined()
  })

  test('are nothing once a part is changed, cut off or added', () => {
    const { tokens, token } = made()
    for (let at = 0; at < token.length; at++) {
      const changed = token.slice(0, at) + (token[at] === '0' ? '1' : '0') + token.slice(at + 1)
      // The last letter of base64 has bits that stand for nothing.
      if (at < token.length - 1) expect(tokens.connectionIn(changed, owner), changed).toBeUndefined()
      expect(tokens.connectionIn(token.slice(0, at), owner)).toBeUndefined()
    }
    for (const odd of [`${token}x`, `${token}${'x'.repeat(500)}`, '', '.', '..', 'a-0..', '\0']) {
      expect(tokens.connectionIn(odd, owner)).toBeUndefined()
    }
  })

  test('end after thirty days', () => {
    const { clock, tokens, token } = made()
    clock.advance(29 * DAY_MS)
    expect(tokens.connectionIn(token, owner)).toBe('m6ok07tub-0')
    clock.advance(2 * DAY_MS)
    expect(tokens.connectionIn(token, owner)).toBeUndefined()
  })

  test('there are none before a secret is known, and the operator’s own wins', () => {
    const clock = new ManualClock()
    const without = new ResumeTokens(clock)
    expect(without.issue(owner, 'a-0')).toBeUndefined()
    const { token } = made()
    expect(without.connectionIn(token, owner)).toBeUndefined()
    expect(() => without.connectionIn(token, owner)).not.toThrow()
    const own = new ResumeTokens(clock, 'the operator’s own')
    own.learn('a secret of the cluster')
    expect(own.connectionIn(token, owner)).toBeUndefined()
    expect(newSecret()).not.toBe(newSecret())
  })
})
