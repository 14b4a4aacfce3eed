import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { pathsUnder, ROOT, read } from './sources.js'

const MAX_LINES = 250

/** What is missing from the header of a verb: the comment lines before its first line of code. */
function missingFromHeader(text: string): string[] {
  const header = text.split('\n').slice(0, firstCodeLine(text)).join('\n')
  return ['Guarantee', 'KEYS', 'ARGV', 'Returns'].filter((word) => !header.includes(word))
}

function firstCodeLine(text: string): number {
  const lines = text.split('\n')
  const at = lines.findIndex((line) => line.trim() !== '' && !line.startsWith('--'))
  return at < 0 ? lines.length : at
}

function timeReads(path: string): number {
  const text = read(path)
  const included = [...text.matchAll(/^\s*-- @include (\S+)/gm)].map(([, name]) => timeReads(`lua/include/${name}.lua`))
  const own = text.match(/redis\.p?call\(\s*['"]TIME['"]/g)?.length ?? 0
  return included.reduce((sum, reads) => sum + reads, own)
}

describe('lua', () => {
  const verbs = pathsUnder('lua', '.lua').filter((path) => !path.includes('/include/'))

  test('has every verb of the contract', () => {
    const names = ['acquire', 'hello', 'inspect', 'leave', 'reassert', 'release', 'renew', 'sweep']
    expect(verbs).toEqual(expect.arrayContaining(names.map((name) => `lua/${name}.lua`)))
  })

  test.each(pathsUnder('lua', '.lua'))('%s is short', (path) => {
    expect(read(path).trimEnd().split('\n').length).toBeLessThanOrEqual(MAX_LINES)
  })

  test.each(verbs)('%s begins with guarantee, KEYS, ARGV and Returns', (path) => {
    expect(missingFromHeader(read(path))).toEqual([])
  })

  test('control: a header that comes after the code does not count', () => {
    expect(missingFromHeader('-- v: does it. Guarantee: S1\n-- KEYS 1 a\nlocal a\n-- ARGV\n-- Returns')).toEqual([
      'ARGV',
      'Returns',
    ])
  })

  test.each(verbs)('%s reads the time at most once, its includes counted', (path) => {
    // A script that reads TIME twice sees two times.
    expect(timeReads(path)).toBeLessThanOrEqual(1)
  })

  test('control: the store clock is read somewhere', () => {
    expect(verbs.map(timeReads)).toContain(1)
  })

  test('the bundle in src has not drifted from lua/', () => {
    const check = spawnSync(process.execPath, ['scripts/bundle-lua.mjs', '--check'], { cwd: ROOT, encoding: 'utf8' })
    expect(check.stderr).toBe('')
    expect(check.status).toBe(0)
  })
})
