import { expect, test } from 'vitest'
import { pathsUnder, read } from './sources.js'

/** They are meant to end at 120 columns, where the formatter breaks code; it leaves comments as they are. */
const MAX_COLUMNS = 130

function wideComments(path: string, text: string): string[] {
  return text
    .split('\n')
    .map((line, at) => ({ line, where: `${path}:${at + 1}` }))
    .filter(({ line }) => /^\s*(\/\/|\/?\*|--)/.test(line) && line.length > MAX_COLUMNS)
    .map(({ line, where }) => `${where}: a comment of ${line.length} columns, more than ${MAX_COLUMNS}`)
}

test.each(['src', 'lua', 'bench', 'test'])('no line of a comment in %s is too wide to read', (folder) => {
  const paths = pathsUnder(folder, '.ts', '.mjs', '.lua', '.c', '.go').filter((path) => !path.includes('.generated.'))
  expect(paths.length).toBeGreaterThan(5)
  expect(paths.flatMap((path) => wideComments(path, read(path)))).toEqual([])
})

test('control: a wide one is found, of each kind, and wide code is not', () => {
  const wide = (begin: string, columns: number) => begin.padEnd(columns, 'x')
  for (const begin of ['// ', '  // ', '/** ', ' * ', '-- ', '  -- ']) {
    expect(wideComments('a', `\n${wide(begin, 131)}`), begin).toHaveLength(1)
    expect(wideComments('a', wide(begin, 130)), begin).toEqual([])
  }
  expect(wideComments('a', wide('const text = `', 200))).toEqual([])
})
