// Small mistakes in Lua, one at a time: what somebody might type, or forget, when changing a verb.
import { createHash } from 'node:crypto'

const COMPARED = {
  '==': ['~='],
  '~=': ['=='],
  '<': ['<=', '>='],
  '>': ['>=', '<='],
  '<=': ['<', '>'],
  '>=': ['>', '<'],
}
const OTHER = { '+': '-', '-': '+', '*': '/', '/': '*', and: 'or', or: 'and', true: 'false', false: 'true' }

/**
 * Each operator finds its places in the code, where comments and the insides of strings are blanked out, and says what
 * stands there instead.
 */
const OPERATORS = [
  ['comparison', /[=~<>]=|[<>]/g, ([sign]) => COMPARED[sign]],
  ['condition', /(?<=\b(?:if|elseif) )[^;]*?(?= then\b)/g, () => ['true', 'false']],
  ['arithmetic', /(?<= )[-+*/](?= )/g, ([sign]) => [OTHER[sign]]],
  ['logic', /\b(?:and|or)\b/g, ([word]) => [OTHER[word]]],
  ['negation', /\bnot /g, () => ['']],
  ['boolean', /\b(?:true|false)\b/g, ([word]) => [OTHER[word]]],
  ['number', /(?<!\bKEYS\[|\bARGV\[|[\w.])\d+\b/g, ([digits]) => [Number(digits) + 1, Number(digits) - 1]],
  ['wrong key or argument', /(?<=\b(?:KEYS|ARGV)\[)\d+(?=\])/g, ([digits]) => [Number(digits) + 1]],
  ['bound', /\bmath\.(?:max|min)\b/g, ([name]) => [name === 'math.max' ? 'math.min' : 'math.max']],
  ['protected call', /\bredis\.pcall\b/g, () => ['redis.call']],
  ['exit dropped', /^[ \t]*(?:return\b.*|break)$/gm, () => ['']],
  ['assignment dropped', /^[ \t]*(?!local\b|for\b|if\b|elseif\b|return\b)\w[\w.[\]#, +-]* = .*$/gm, () => ['']],
  [
    'call dropped',
    /^[ \t]*(?!local\b|function\b|if\b|return\b)[\w.]+\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)$/gm,
    () => [''],
  ],
]

/** The same in strings, which are otherwise left alone: flags of commands, and the sign of an open interval. */
const IN_STRINGS = [['option dropped', /'(?:NX|XX)', |'\(' \.\. /g]]

const blank = (text) => text.replace(/[^\n]/g, ' ')
const withoutComments = (text) => text.replace(/^[ \t]*--.*$|[ \t]--[ \t].*$/gm, blank)
const withoutStrings = (text) => text.replace(/'(?:\\.|[^'\\\n])*'/g, (string) => `'${'_'.repeat(string.length - 2)}'`)

/**
 * All mutants of one file: `{ id, file, line, operator, before, after, text }`. The id depends on the line's own words and
 * not on where the line stands, so that it names the same mistake when the file has grown.
 */
export function mutantsOf(file, text) {
  const code = withoutComments(text)
  const plain = withoutStrings(code)
  const places = [
    ...OPERATORS.flatMap(([operator, places, instead]) =>
      [...plain.matchAll(places)].flatMap((found) => instead(found).map((word) => ({ operator, found, word }))),
    ),
    ...IN_STRINGS.flatMap(([operator, places]) =>
      [...code.matchAll(places)].map((found) => ({ operator, found, word: '' })),
    ),
  ]
  const taken = new Set()
  return places
    .map(({ operator, found, word }) => mutant(file, text, operator, found.index, found[0].length, `${word}`))
    .filter(({ text: mutated }) => mutated !== text)
    .map(({ name, ...rest }) => ({ id: `${file}#${freeDigest(name, taken)}`, ...rest }))
}

function mutant(file, text, operator, at, length, word) {
  const mutated = `${text.slice(0, at)}${word}${text.slice(at + length)}`
  const from = text.lastIndexOf('\n', at - 1) + 1
  const end = text.indexOf('\n', at + length)
  const before = words(text.slice(from, end))
  const after = words(mutated.slice(from, end - length + word.length))
  const line = text.slice(0, at).split('\n').length
  return { name: `${operator}: ${before} -> ${after}`, file, line, operator, before, after, text: mutated }
}

const words = (text) => text.trim().replace(/\s+/g, ' ')

/** Lines that say the same, and names whose digests happen to be equal, are told apart by a number behind the name. */
function freeDigest(name, taken) {
  let times = 1
  let found = digest(name)
  while (taken.has(found)) found = digest(`${name}${++times}`)
  taken.add(found)
  return found
}

const digest = (name) => createHash('sha1').update(name).digest('hex').slice(0, 5)
