import { expect, test } from 'vitest'
import { blank } from './blank.js'

const code = (text: string) => blank(text, { strings: true }).replace(/ +/g, ' ').trim()

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: these are samples of source text.
test.each([
  ['a // b', 'a'],
  ['a /* b\n * c */ d', 'a \n d'],
  [`a('it\\'s // no comment') // b`, 'a( )'],
  [`a("b") + 'c'`, 'a( ) +'],
  ['a = `b ${c({ d: `e ${f}` })} g` + h', 'a = ` ${c({ d: ` ${f}` })} ` + h'],
  ['a = /[\'"`]/.test(b) // c', 'a = .test(b)'],
  ['a = b / c / d', 'a = b / c / d'],
  [`url = 'http://x' + y`, 'url = + y'],
])('only code is left of %s', (text, expected) => {
  expect(code(text)).toBe(expected)
})
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: see above.

test('strings stay where they are asked to', () => {
  expect(blank(`import 'ws' // x`, { strings: false }).trim()).toBe(`import 'ws'`)
})

test('lines stay lines', () => {
  const text = `a\n/* b\nc */\n\`d\ne\`\nf`
  expect(blank(text, { strings: true }).split('\n')).toHaveLength(text.split('\n').length)
})
