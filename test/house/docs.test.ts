import { existsSync } from 'node:fs'
import { join, posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { titles } from '../../src/admin/problem.js'
import { closings, refusals } from '../../src/core/closures.js'
import { redisKeys } from '../../src/store/redis/keys.js'
import { pathsUnder, ROOT, read, sources } from './sources.js'
import { settingsTable } from './tables.js'

/** The titles of the sections right below the section `title`. */
function sectionsIn(markdown: string, title: string): string[] {
  const [, ...rest] = markdown.split(new RegExp(`^## ${title}\n`, 'm'))
  const part = rest.join('').split(/^## /m)[0] ?? ''
  return [...part.matchAll(/^### (.+)$/gm)].map((found) => found[1]!)
}

/** What stands below a title up to the next one of any level. */
function textOf(markdown: string, title: string): string {
  return markdown.split(`\n### ${title}\n`)[1]?.split(/^#+ /m)[0] ?? ''
}

/** The codes with which code in a folder of src makes errors of a kind. */
function codesMade(folder: string, made: RegExp): string[] {
  const texts = sources().filter(({ path }) => path.startsWith(folder))
  return [...new Set(texts.flatMap(({ text }) => [...text.matchAll(made)].map((found) => found[1]!)))].sort()
}

/** How GitHub makes an anchor of a title. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replace(/ /g, '-')
}

/** Links to files and sections of this repository that lead nowhere. */
function brokenLinks(path: string, markdown: string): string[] {
  const prose = markdown.replace(/^```[\s\S]*?^```/gm, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((found) => found[1]!)
    .filter((link) => !/^https?:/.test(link))
    .filter((link) => {
      const [file = '', anchor] = link.split('#')
      const target = file === '' ? path : posix.join(posix.dirname(path), file)
      if (!existsSync(join(ROOT, target))) return true
      if (anchor === undefined) return false
      return ![...read(target).matchAll(/^#+ (.+)$/gm)].some((title) => anchorOf(title[1]!) === anchor)
    })
}

/** `npm run` words in a document that are no script of the package. */
function unknownScripts(markdown: string): string[] {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const named = [...markdown.matchAll(/\bnpm run (?:-s |--silent )?([\w:-]+)/g)].map((found) => found[1]!)
  return named.filter((name) => !Object.hasOwn(scripts, name))
}

const DOCUMENTS = pathsUnder('.', '.md')
const PROMISES = [
  'S1',
  'S2',
  'S3',
  'S4',
  'S5',
  'S6',
  'S7',
  'L1',
  'L2',
  'L3',
  'L4',
  'L5',
  'L6',
  'R1',
  'R2',
  'R3',
  'R4',
  'R5',
]

describe('docs/errors.md and the code list the same', () => {
  const errors = read('docs/errors.md')

  test('refusals, each with its status', () => {
    expect(sectionsIn(errors, 'Refused upgrades')).toEqual(Object.keys(refusals))
    for (const [code, { status, passes }] of Object.entries(refusals)) {
      expect(textOf(errors, code), code).toContain(`**${status}**`)
      expect(textOf(errors, code).includes('Retry-After'), `${code} passes by itself: ${passes}`).toBe(passes)
    }
  })

  test('closings, each with its close code', () => {
    const listed = Object.entries(closings).map(([code, { close }]) => `${close} ${code}`)
    expect(sectionsIn(errors, 'Closed connections')).toEqual(listed)
  })

  test('codes of UsageError', () => {
    const made = codesMade('src/', /new UsageError\(\s*'([A-Z_]+)'/g)
    expect(made.length).toBeGreaterThan(5)
    expect(sectionsIn(errors, 'Misuse of the library').sort()).toEqual(made)
  })

  test('refusals of the admin API', () => {
    const made = codesMade('src/admin/', /'([A-Z]+_[A-Z_]+|UNAUTHENTICATED|FORBIDDEN)'/g)
    const listed = sectionsIn(errors, 'Refusals of the admin API').map((title) => title.replace(' (admin)', ''))
    expect(listed.sort()).toEqual(made)
    // What only the library says is passed on as it is.
    const passedOn = Object.keys(titles).filter((code) => !made.includes(code))
    expect(made.filter((code) => !Object.hasOwn(titles, code))).toEqual([])
    expect(passedOn.filter((code) => !sectionsIn(errors, 'Misuse of the library').includes(code))).toEqual([])
  })

  test('control: a section too few or in another place is found', () => {
    const some = '# E\n\n## One\n\n### A\n\nx\n\n### B\n\n## Two\n\n### C\n'
    expect(sectionsIn(some, 'One')).toEqual(['A', 'B'])
    expect(sectionsIn(some, 'Two')).toEqual(['C'])
    expect(sectionsIn(some, 'Three')).toEqual([])
    expect(textOf(some, 'A').trim()).toBe('x')
  })
})

describe('README.md', () => {
  test('has the table of settings as the code has it', () => {
    expect(read('README.md')).toContain(`\n\n${settingsTable()}\n\n`)
  })

  test('and docs/promises.md state every promise, in the same order', () => {
    const rows = [...read('README.md').matchAll(/^\| \*\*([SLR]\d)\*\* /gm)].map((found) => found[1])
    const titles = [...read('docs/promises.md').matchAll(/^## ([SLR]\d) /gm)].map((found) => found[1])
    expect(rows).toEqual(PROMISES)
    expect(titles).toEqual(PROMISES)
  })
})

describe('docs/promises.md', () => {
  test.each(PROMISES.filter((promise) => promise !== 'S7'))('names tests of %s', (promise) => {
    const section = read('docs/promises.md').split(`\n## ${promise} `)[1]?.split('\n## ')[0] ?? ''
    expect(section).toMatch(/Tests: \[[\s\S]*\.\.\/test\/\S+\.ts\)/)
  })
})

describe('lua/README.md', () => {
  const lua = read('lua/README.md')

  test('has a row for every verb, and for no other', () => {
    const verbs = pathsUnder('lua', '.lua').flatMap((path) => /^lua\/(\w+)\.lua$/.exec(path)?.[1] ?? [])
    const [, table = ''] = lua.split('## Verbs\n')
    const rows = [...table.split('\n## ')[0]!.matchAll(/^\| `(\w+)` \|/gm)].map((found) => found[1]!)
    expect(rows.sort()).toEqual(verbs.sort())
  })

  test('has a row for every key', () => {
    const keys = redisKeys('p:')
    const names = [keys.scope({ name: 'org', id: '<org>' }), keys.scope({ name: '<name>', id: '<id>' })]
    names.push(keys.orders('<kind>'))
    names.push(keys.conns('<lease>'), keys.admission, keys.meta, keys.leases, keys.late, keys.dead, keys.nodes)
    names.push(...keys.overrides, ...Object.values(keys.journal), keys.totals)
    for (const name of names) expect(lua).toContain(`| \`${name.replace('p:{0}:', '')}\` |`)
  })
})

describe('every document', () => {
  test('there are documents', () => {
    expect(DOCUMENTS).toEqual(expect.arrayContaining(['README.md', 'docs/architecture.md', 'lua/README.md']))
  })

  test.each(DOCUMENTS)('%s links to what is there', (path) => {
    expect(brokenLinks(path, read(path))).toEqual([])
  })

  test.each(DOCUMENTS)('%s names scripts that exist', (path) => {
    expect(unknownScripts(read(path))).toEqual([])
  })

  test('control: a dead link, a dead anchor and a script that is none are found', () => {
    const text = '# A title\n[a](nowhere.md) [b](#a-title) [c](#none) [d](LICENSE)\nnpm run nonsense, npm run -s build'
    expect(brokenLinks('README.md', text)).toEqual(['nowhere.md', '#a-title', '#none'])
    expect(unknownScripts(text)).toEqual(['nonsense'])
  })

  test.each(pathsUnder('docs/adr', '.md').filter((path) => /\/\d{4}-/.test(path)))('%s decides something', (path) => {
    expect([...read(path).matchAll(/^## (.+)$/gm)].map((found) => found[1])).toEqual([
      'Context',
      'Decision',
      'Consequences',
    ])
    expect(read('docs/adr/README.md')).toContain(`(${posix.basename(path)})`)
  })
})
