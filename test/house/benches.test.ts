import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { sources } from './sources.js'

const BENCHES = new URL('../../bench/', import.meta.url)
const IMPORT = /import \{([^}]+)\} from '\.\.\/dist\/([^']+)\.js'/g

/** Benchmarks are no part of what is built, and of what they take from it no compiler knows. */
const taken = readdirSync(BENCHES)
  .filter((file) => file.endsWith('.mjs'))
  .flatMap((file) =>
    [...readFileSync(new URL(file, BENCHES), 'utf8').matchAll(IMPORT)].map((found) => [file, ...found]),
  )
  .flatMap(([file, , names, module]) =>
    names!.split(',').map((name) => ({ file: file!, name: name.trim().split(' as ')[0]!, path: `src/${module}.ts` })),
  )

test.each(taken)('$file takes $name, which $path has', ({ name, path }) => {
  const text = sources().find((source) => source.path === path)?.uncommented ?? ''
  expect(text).toMatch(
    new RegExp(`^export (async )?(class|function|const) ${name}\\b|^export \\{[^}]*\\b${name}\\b`, 'm'),
  )
})

test('control: they do take something', () => {
  expect(taken.length).toBeGreaterThan(15)
})
