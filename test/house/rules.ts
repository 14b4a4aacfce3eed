import { posix } from 'node:path'
import type { SourceFile } from './sources.js'

/** A rule of the house: what is wrong with a file, one sentence each. */
export type Rule = (file: SourceFile) => string[]

/**
 * The folders of src from the inside out: each sees only what stands to its left. `observe` listens to the limiter's
 * events: nothing that admits knows who listens. Nobody sees `cli`, which speaks to a server over the network as any
 * client does and so knows the types of its answers, can start one, and can ask Redis itself what operators want to
 * know. The root of src is the composition for library users.
 */
const INSIDE_OUT = [
  'core',
  'net',
  'store',
  'node',
  'gate',
  'limiter',
  'observe',
  'outbound',
  'identity',
  'admin',
  'server',
]
/** The folders of src/node likewise; `''` is src/node itself, where a node is put together. */
const NODE_INSIDE_OUT = ['held', 'lease', 'limits', 'queues', 'probing', 'orders', 'admission', '', 'buckets']
const CLI_SEES = ['core', 'store', 'limiter', 'identity', 'admin', 'server', 'cli']

export const dependenciesPointInwards: Rule = (file) => {
  const own = folderOf(file.path)
  if (own === '') return []
  const visible = own === 'cli' ? CLI_SEES : upTo(own, INSIDE_OUT)
  return visible
    ? importsBeyond(visible, file, 'src', folderOf)
    : [`${file.path}: src/${own} has no place among ${INSIDE_OUT.join(' ← ')}`]
}

export const nodesDependenciesPointInwards: Rule = (file) => {
  const own = folderInNode(file.path)
  if (own === undefined) return []
  const visible = upTo(own, NODE_INSIDE_OUT)
  return visible
    ? importsBeyond(visible, file, 'src/node', folderInNode)
    : [`${file.path}: src/node/${own} has no place among ${NODE_INSIDE_OUT.join(' ← ')}`]
}

/** Core computes; it opens nothing and reads nothing. Randomness for ids and typed events need no more than this. */
const CORE_MAY_IMPORT = ['node:crypto', 'node:events']

export const coreIsPure: Rule = ({ path, uncommented }) =>
  path.startsWith('src/core/')
    ? importsOf(uncommented)
        .filter((name) => !name.startsWith('.') && !CORE_MAY_IMPORT.includes(name))
        .map((name) => `${path}: core imports ${name}`)
    : []

/** Packages and built-in modules that stay behind one door, and the door. */
const DOORS: readonly { readonly names: readonly string[]; readonly door: RegExp }[] = [
  { names: ['ioredis'], door: /^src\/store\/redis\// },
  { names: ['ws'], door: /^src\/(gate\/ws-gate\.ts|cli\/)/ },
  { names: ['node:timers', 'node:timers/promises', 'node:perf_hooks'], door: /^src\/cli\// },
  { names: ['node:process'], door: /^src\/(cli\/|server\/(main|config[^/]*)\.ts)/ },
  { names: ['prom-client'], door: /^src\/observe\/metrics\// },
  { names: ['pino'], door: /^src\/(observe|server)\// },
  { names: ['hono', '@hono/node-server'], door: /^src\/(admin|server)\// },
  { names: ['rate-limiter-flexible'], door: /^src\/gate\/rate-meter\.ts$/ },
  { names: ['commander'], door: /^src\/cli\// },
  { names: ['jose'], door: /^src\/identity\/jwt-/ },
]

export const packagesStayBehindTheirDoors: Rule = ({ path, uncommented }) =>
  importsOf(uncommented).flatMap((imported) =>
    DOORS.filter(({ names, door }) => names.some((name) => isOf(imported, name)) && !door.test(path)).map(
      ({ door }) => `${path}: imports ${imported}, which only ${door.source} may`,
    ),
  )

/** Global names that only some files may say, so that tests can hold time and surroundings in their hands. */
const WORDS: readonly { readonly word: RegExp; readonly allowed: RegExp }[] = [
  { word: /\bDate\.now\b|\bnew Date\(\)/, allowed: /^src\/core\/clock\.ts$/ },
  { word: /\bperformance\b/, allowed: /^src\/core\/clock\.ts$/ },
  { word: /\b(set|clear)(Timeout|Interval)\b(?!\s*:)/, allowed: /^src\/(core\/clock\.ts$|cli\/)/ },
  { word: /(?<![.\w])process\b(?!\s*\??:)/, allowed: /^src\/(cli\/|server\/(main|config[^/]*)\.ts$)/ },
]

/** `socket.setTimeout` is the socket's own timer, with an owner; the global one is meant here. */
const OWN_TIMERS = /(?<!globalThis)\.\s*set(Timeout|Interval)\b/g

export const globalsStayBehindTheirDoors: Rule = ({ path, code }) => {
  const said = code.replace(OWN_TIMERS, '')
  return WORDS.filter(({ word, allowed }) => word.test(said) && !allowed.test(path)).map(
    ({ word, allowed }) => `${path}: names ${word.exec(said)![0]}, which only ${allowed.source} may`,
  )
}

const MAX_FILE_LINES = 250
const MAX_FUNCTION_LINES = 70

export const filesAreSmall: Rule = ({ path, text }) => {
  const lines = text.trimEnd().split('\n').length
  return lines > MAX_FILE_LINES ? [`${path}: ${lines} lines, more than ${MAX_FILE_LINES}`] : []
}

export const functionsAreSmall: Rule = ({ path, code }) =>
  functionsOf(code)
    .filter(({ lines }) => lines > MAX_FUNCTION_LINES)
    .map(({ line, lines }) => `${path}:${line}: a function of ${lines} lines, more than ${MAX_FUNCTION_LINES}`)

export const oneClassAFile: Rule = ({ path, code }) => {
  const classes = code.match(/(^|[\s(=])class\s+\w|\bclass\s*\{/gm)?.length ?? 0
  return classes > 1 ? [`${path}: ${classes} classes`] : []
}

const MAX_EXPORTS = 3
/** Lists of like things, where the list is the point. */
const CATALOGUES = [
  'src/index.ts',
  'src/core/closures.ts',
  'src/core/errors.ts',
  // One writer or reader for each thing that goes over the wire.
  'src/store/redis/codec.ts',
  'src/store/redis/overrides.ts',
]

/** Functions and classes count; types and plain values do not. */
export const fewExports: Rule = ({ path, code }) => {
  if (CATALOGUES.includes(path)) return []
  const declared = code.match(/^export (default )?(async |abstract )?(function|class)\b/gm)?.length ?? 0
  const arrows = code.match(/^export const \w+[^=\n]*=\s*(async )?(\([^)]*\)|\w+)(: [^=\n]+)? =>/gm)?.length ?? 0
  const relayed = [...code.matchAll(/^export \{([^}]*)\}/gm)].flatMap(([, names]) => names!.split(',')).filter(isValue)
  const exports = declared + arrows + relayed.length
  return exports > MAX_EXPORTS ? [`${path}: exports ${exports} functions or classes, more than ${MAX_EXPORTS}`] : []
}

export const indexOnlyRelays: Rule = ({ path, code }) => {
  if (path !== 'src/index.ts') return []
  const rest = code.replace(/^export (type )?\{[^}]*\} from\s*$/gm, '').trim()
  return rest === '' ? [] : [`${path}: holds more than named re-exports: ${rest.split('\n')[0]}`]
}

/** The modules that a file imports or relays, whether for values or for types. */
export function importsOf(uncommented: string): string[] {
  const clause = /^(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|^import\s*['"]([^'"]+)['"]/gm
  const dynamic = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g
  const required = /\brequire\(\s*['"]([^'"]+)['"]\s*\)/g
  return [clause, dynamic, required].flatMap((pattern) =>
    [...uncommented.matchAll(pattern)].map((match) => (match[1] ?? match[2])!),
  )
}

/** Functions with a body in braces, by the indentation that the formatter gives them. */
export function functionsOf(code: string): { line: number; lines: number }[] {
  const all = code.split('\n').map((line) => line.trimEnd())
  const found: { line: number; lines: number }[] = []
  for (const [at, line] of all.entries()) {
    if (!/(=>|\)(: [^=]+)?) \{$/.test(line)) continue
    if (/^\s*(\} )?(else )?(if|for|while|switch|catch|with)\b/.test(line)) continue
    const indent = /^\s*/.exec(line)![0]
    const ends = all.findIndex((other, i) => i > at && other.startsWith(`${indent}}`))
    // A signature over several lines begins where its indentation began.
    const begins = line.trimStart().startsWith(')') ? all.findLastIndex((l, i) => i < at && opens(l, indent)) : at
    if (ends > 0 && begins >= 0) found.push({ line: begins + 1, lines: ends - begins + 1 })
  }
  return found
}

function opens(line: string, indent: string): boolean {
  return line.startsWith(indent) && /\S/.test(line.charAt(indent.length))
}

function folderOf(path: string): string {
  const parts = path.split('/')
  return parts.length > 2 && parts[0] === 'src' ? parts[1]! : ''
}

function folderInNode(path: string): string | undefined {
  if (!path.startsWith('src/node/')) return undefined
  const [, , folder = '', file] = path.split('/')
  return file === undefined ? '' : folder
}

/** A folder and what is inside of it; `undefined` for one that has no place. */
function upTo(own: string, insideOut: readonly string[]): readonly string[] | undefined {
  return insideOut.includes(own) ? insideOut.slice(0, insideOut.indexOf(own) + 1) : undefined
}

function importsBeyond(
  visible: readonly string[],
  { path, uncommented }: SourceFile,
  root: string,
  folder: (path: string) => string | undefined,
): string[] {
  return importsOf(uncommented)
    .filter((name) => name.startsWith('.'))
    .map((name) => folder(posix.join(posix.dirname(path), name)))
    .filter((seen) => seen !== undefined && !visible.includes(seen))
    .map(
      (seen) =>
        `${path}: imports from ${posix.join(root, seen!)}, which is outside of ${posix.join(root, folder(path)!)}`,
    )
}

function isOf(imported: string, name: string): boolean {
  return imported === name || imported.startsWith(`${name}/`)
}

function isValue(name: string): boolean {
  return name.trim() !== '' && !name.trim().startsWith('type ')
}
