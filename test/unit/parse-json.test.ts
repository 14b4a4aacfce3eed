import { describe, expect, test } from 'vitest'
import { fieldsOf, parseJson } from '../../src/core/parse-json.js'

const bytes = (text: string) => new TextEncoder().encode(text)

/** What is said of a text that is no JSON. */
function reasonOf(text: string | Uint8Array): string {
  const parsed = parseJson(typeof text === 'string' ? bytes(text) : text)
  return parsed.ok ? `it was read as ${JSON.stringify(parsed.value)}` : parsed.reason
}

describe('a file in JSON', () => {
  test('is read', () => {
    expect(parseJson(bytes('{"a":["é",1,null]}'))).toEqual({ ok: true, value: { a: ['é', 1, null] } })
  })

  test('that is no UTF-8 is refused: an org would get another name', () => {
    expect(reasonOf(Uint8Array.of(0x22, 0xff, 0x22))).toBe('it is not valid UTF-8')
  })

  test.each([
    ['{"a": 1,\n "b" 2}', ' at line 2, column 6'],
    ['{"a": 1,\n "b": }', ': unexpected "}"'],
    ['', ': it ends too early'],
  ])('%j is refused, and it is said where', (text, where) => {
    expect(reasonOf(text)).toBe(`it is not valid JSON${where}`)
  })

  test.each(['{"key":"hunter2"', '{"key":"hunter2"]', 'hunter2'])('never repeats what stands there: %j', (text) => {
    expect(reasonOf(text)).toMatch(/^it is not valid JSON/)
    expect(reasonOf(text)).not.toContain('hunter2')
  })
})

describe('what somebody else wrote', () => {
  test.each([
    ['{"name":"a"}', { name: 'a' }],
    ['[]', []],
    ['null', {}],
    ['3', {}],
    ['"text"', {}],
    ['{', {}],
    ['', {}],
  ])('%j has the fields %j', (text, fields) => {
    expect(fieldsOf(text)).toEqual(fields)
  })
})
