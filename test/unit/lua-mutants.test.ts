import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

interface Mutant {
  readonly id: string
  readonly operator: string
  readonly line: number
  readonly text: string
}

const made = '../../scripts/lua-mutants.mjs'
const { mutantsOf } = (await import(made)) as { mutantsOf: (file: string, text: string) => Mutant[] }

const verb = `-- verb: if a == b then it is not code
local held = redis.call('ZSCORE', KEYS[1], id)
if not held and #ARGV > 3 then
  redis.call('ZADD', KEYS[1], 'NX', 7, 'a == b')
  return { 'ok' }
end
`

describe('mutants of Lua', () => {
  const texts = mutantsOf('verb', verb).map(({ text }) => text)
  const has = (word: string, instead: string) => texts.includes(verb.replace(word, instead))

  test('are mistakes such as people make', () => {
    expect(has('#ARGV > 3', '#ARGV >= 3')).toBe(true)
    expect(has('#ARGV > 3', '#ARGV > 4')).toBe(true)
    expect(has('not held and #ARGV > 3', 'false')).toBe(true)
    expect(has('not held', 'held')).toBe(true)
    expect(has('and', 'or')).toBe(true)
    expect(has("'NX', ", '')).toBe(true)
    expect(has('KEYS[1]', 'KEYS[2]')).toBe(true)
    expect(has("  return { 'ok' }", '')).toBe(true)
    expect(has("  redis.call('ZADD', KEYS[1], 'NX', 7, 'a == b')", '')).toBe(true)
  })

  test('are none in comments or in strings', () => {
    expect(mutantsOf('verb', verb).filter(({ line }) => line === 1)).toEqual([])
    expect(texts.every((text) => text.includes("'a == b'") || !text.includes('ZADD'))).toBe(true)
  })

  test('of each verb have names of their own: two by one name would have one verdict', () => {
    const verbs = readdirSync('lua').filter((name) => name.endsWith('.lua'))
    for (const name of verbs) {
      const ids = mutantsOf(name, readFileSync(`lua/${name}`, 'utf8')).map(({ id }) => id)
      expect(new Set(ids).size, name).toBe(ids.length)
    }
  })

  test('have names of their own, which they keep when the file grows elsewhere', () => {
    const ids = mutantsOf('verb', verb).map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(mutantsOf('verb', `-- another line\n${verb}`).map(({ id }) => id)).toEqual(ids)
    expect(mutantsOf('verb', verb.replace('held', 'kept'))).not.toEqual(ids)
  })
})
