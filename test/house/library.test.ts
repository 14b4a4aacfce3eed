import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Limiter } from '../../src/limiter/limiter.js'
import { LIMITER_DEFAULTS } from '../../src/limiter/options.js'
import { ROOT, read } from './sources.js'

/** What stands below a title of the second level, up to the next. */
function sectionOf(markdown: string, title: string): string {
  return markdown.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? ''
}

/** The names in the first cells of the tables in a text, without what follows a name. */
function rowsOf(text: string): string[] {
  return [...text.matchAll(/^\| `([\w.]+)[^|]*\|/gm)].map((found) => found[1]!)
}

/** The text between the braces of an interface. */
function bodyOf(source: string, name: string): string {
  return source.split(`export interface ${name} {\n`)[1]?.split(/^\}/m)[0] ?? ''
}

/** The members of an interface that are published, those of members in braces behind a dot. */
function optionsOf(source: string, name: string): string[] {
  let outer = ''
  return bodyOf(source, name)
    .replace(/^ *\/\*\*[^*]*@internal \*\/\n.*\n/gm, '')
    .split('\n')
    .flatMap((line) => {
      const [, indent, option, opens] = /^( +)readonly (\w+)\??: (\{$)?/.exec(line) ?? []
      if (option === undefined) return []
      if (indent === '  ') outer = option
      return opens ? [] : [indent === '  ' ? option : `${outer}.${option}`]
    })
}

/** What of a class is not for users of the library. */
function internalsOf(source: string): string[] {
  return [...source.matchAll(/@internal \*\/\n +(?:readonly |get )?(\w+)/g)].map((found) => found[1]!)
}

const EVENT = /^ {2}'([a-z_.]+)':/gm

describe('docs/library.md', () => {
  const document = read('docs/library.md')
  const limiter = read('src/limiter/limiter.ts')

  test('has a row for each member of a limiter, and for no other', () => {
    const hidden = ['constructor', ...internalsOf(limiter)]
    const members = Object.getOwnPropertyNames(Limiter.prototype).filter((name) => !hidden.includes(name))
    expect(members.length).toBeGreaterThan(15)
    expect(rowsOf(sectionOf(document, 'What a limiter does')).sort()).toEqual(members.sort())
  })

  test('has a row for each event, in the order of the code', () => {
    const events = [...bodyOf(read('src/core/events.ts'), 'NodeEvents').matchAll(EVENT)].map((found) => found[1]!)
    expect(events.length).toBeGreaterThan(30)
    expect(rowsOf(sectionOf(document, 'Events'))).toEqual(events)
  })

  test('has a row for each option, with its default', () => {
    const section = sectionOf(document, 'Options')
    const options = optionsOf(read('src/limiter/options.ts'), 'LimiterOptions')
    expect(options).toEqual(expect.arrayContaining(['redis', 'limits.org', 'keyPrefix']))
    expect(rowsOf(section)).toEqual(options)
    // How long a drain may take is said to `drain`.
    const { drainTimeMs, ...defaults } = LIMITER_DEFAULTS
    expect(document).toContain(`within ${drainTimeMs.toLocaleString('en')} ms`)
    for (const [name, value] of Object.entries(defaults)) {
      const row = name === 'connectionsPerOrg' ? 'limits.org' : name
      const line = section.split('\n').find((each) => each.startsWith(`| \`${row}\``) || each.includes(`.${row}\``))
      expect(line?.split('|')[2]?.replace(/[`,]/g, '').trim(), name).toBe(shown(value))
    }
  })

  test('has a row for each option of attach', () => {
    const [source = ''] = read('src/limiter/attach-options.ts').split('export type UpgradeSource')
    const options = [...source.matchAll(/'(\w+)'/g)].map((found) => found[1]!)
    expect(rowsOf(sectionOf(document, 'In front of a WebSocket server'))).toEqual(options)
  })

  test('has a row for each field of a request and of an admission', () => {
    const admission = read('src/core/admission.ts')
    const fields = (name: string) =>
      [...bodyOf(admission, name).matchAll(/^ {2}(?:readonly )?(\w+)\??[:(]/gm)].map((found) => found[1]!)
    const section = sectionOf(document, 'What is asked and answered')
    const [, ask = '', yes = '', no = ''] = section.split(/^### /m)
    expect(rowsOf(ask)).toEqual(fields('AdmissionRequest'))
    expect(rowsOf(yes)).toEqual(fields('Admitted'))
    expect(rowsOf(no)).toEqual(fields('Denied'))
  })

  test('has a row for each field of a holder and of a node', () => {
    const names = ['limiter/holders', 'limiter/node-stats', 'limiter/own-view', 'node/held/details']
    const files = names.map((name) => read(`src/${name}.ts`)).join('\n')
    const section = sectionOf(document, 'Who holds the slots, and which nodes there are')
    const [, holder = '', node = ''] = section.split(/^### /m)
    const fields = (...names: string[]) =>
      names.flatMap((name) =>
        [
          ...files
            .split(`export interface ${name} `)[1]!
            .split(/^\}/m)[0]!
            .matchAll(/^ {2}readonly (\w+)/gm),
        ].map((found) => found[1]!),
      )
    expect(rowsOf(holder).sort()).toEqual(fields('Details', 'HolderStats', 'SlotHolder').sort())
    expect(rowsOf(node).sort()).toEqual(fields('NodeStats', 'LiveNode').sort())
  })

  test('control: rows, options and internals are found', () => {
    expect(rowsOf('| name | x |\n| --- | --- |\n| `a` | y |\n| `b.c(d)` | z |\n')).toEqual(['a', 'b.c'])
    const source =
      'export interface O {\n  /** S. @internal */\n  readonly s?: T\n  readonly l?: {\n    readonly m: U\n  }\n}\n'
    expect(optionsOf(source, 'O')).toEqual(['l.m'])
    expect(internalsOf('  /** A. @internal */\n  get a(): B {\n  /** @internal */\n  b(): C {')).toEqual(['a', 'b'])
  })
})

test('every event says in a comment when it comes', () => {
  const body = bodyOf(read('src/core/events.ts'), 'NodeEvents')
  expect(
    [...body.matchAll(/(\*\/\n)? {2}'([a-z_.]+)':/g)].filter((found) => !found[1]).map((found) => found[2]),
  ).toEqual([])
})

describe('the published types', () => {
  const places: string[] = []

  /** A package as it would be installed, its types made anew, and a user of it. */
  beforeAll(() => {
    const place = mkdtempSync(join(tmpdir(), 'headcount-types-'))
    places.push(place)
    const made = ['-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--sourceMap', 'false', '--outDir']
    const installed = join(place, 'node_modules')
    execFileSync(process.execPath, [TSC, ...made, join(installed, 'headcount/dist')], { cwd: ROOT })
    cpSync(join(ROOT, 'package.json'), join(installed, 'headcount/package.json'))
    writeFileSync(join(place, 'package.json'), '{ "type": "module" }')
    for (const name of readdirSync(join(ROOT, 'node_modules'))) {
      if (!name.startsWith('.')) symlinkSync(join(ROOT, 'node_modules', name), join(installed, name))
    }
  }, 60_000)

  afterAll(() => {
    for (const place of places) rmSync(place, { recursive: true })
  })

  const user = read('test/support/fixtures/library-user.ts').replace('../../../src/index.js', 'headcount')

  /** What the compiler says, with no check left out. */
  function complaints(text: string): string {
    const strict = ['--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false', '--noEmit', '--declaration']
    const kind = ['--target', 'ES2023', '--lib', 'ES2023', '--module', 'NodeNext', '--types', 'node']
    writeFileSync(join(places[0]!, 'user.ts'), text)
    try {
      execFileSync(process.execPath, [TSC, ...strict, ...kind, 'user.ts'], { cwd: places[0]!, stdio: 'pipe' })
      return ''
    } catch (error) {
      return String((error as { stdout?: Buffer }).stdout ?? error)
    }
  }

  test('are enough for a program that uses all of the library', () => {
    expect(user).toContain("from 'headcount'")
    expect(complaints(user)).toBe('')
  }, 60_000)

  test('have a name for what is handed on: else a program that does so cannot declare it (TS2742)', () => {
    const members = read('src/limiter/limiter.ts').split('export class Limiter')[1]!
    const taken = [...new Set(members.match(/\b[A-Z]\w+Options\b/g))]
    expect(taken).toEqual(expect.arrayContaining(['DrainOptions', 'EvictOptions', 'HoldersOptions']))
    for (const name of taken) expect(read('src/index.ts')).toMatch(new RegExp(`\\b${name}\\b`))
    const program = `
      import { type AttachOptions, createLimiter, type LimiterOptions } from 'headcount'
      const limiter = createLimiter()
      export const { evict, drain, drainNode, admit, on, setLimit } = limiter
      export const options = (given: LimiterOptions) => ({ ...given })
      export const attached = (given: AttachOptions) => ({ ...given })
      export const scopes = async () => (await limiter.holders('acme')).connections.map((each) => each.scopes)
      export const nodes = async () => (await limiter.nodes()).map((each) => ({ ...each }))
      export const limits = async () => ({ ...(await limiter.orgLimits('acme')) })`
    expect(complaints(program)).toBe('')
  }, 60_000)

  test('are found too where nobody reads `exports`, as TypeScript does not under `module: commonjs`', () => {
    const { main, types, exports } = JSON.parse(read('package.json')) as { [field: string]: unknown }
    expect(exports).toMatchObject({ '.': { types, default: main } })
    expect([main, types]).toEqual(['./dist/index.js', './dist/index.d.ts'])
  })

  test('are enough for the TypeScript of docs/library.md, under the strictest settings', () => {
    const [snippet = ''] = [...read('docs/library.md').matchAll(/```ts\n([\s\S]*?)```/g)].map((found) => found[1]!)
    expect(snippet).toContain('limiter.attach(server, wss, { identify })')
    expect(complaints(snippet)).toBe('')
    const untyped = snippet.replace(/\(ws: WebSocket.*?\) =>/, '(ws, _request, admitted) =>')
    expect(complaints(untyped)).toContain('TS7006')
  }, 60_000)

  test('have nothing of what is for the server alone, which is how this test shows that it can fail', () => {
    const internals = internalsOf(read('src/limiter/limiter.ts'))
    expect(internals).toContain('stats')
    const uses = [...internals.map((name) => `void start().${name}`), 'createLimiter({ store: 1 })']
    const said = complaints([user, ...uses].join('\n'))
    for (const name of internals) expect(said).toContain(`Property '${name}' does not exist on type 'Limiter'`)
    expect(said).toContain("'store' does not exist in type 'LimiterOptions'")
  }, 60_000)
})

const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')

function shown(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  const members = Object.entries(value).map(([name, of]) => `${name}: ${of}`)
  return `{ ${members.join(' ')} }`
}
