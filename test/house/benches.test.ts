import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const BENCHES = new URL('../../bench/', import.meta.url)
const IMPORT = /import \{([^}]+)\} from '\.\.\/dist\/([^']+)\.js'/g

/** Benchmarks are no part of what is built, and of what they take from it no compiler knows. */
const imports = readdirSync(BENCHES)
  .filter((file) => file.endsWith('.mjs'))
  .flatMap((file) =>
    [...readFileSync(new URL(file, BENCHES), 'utf8').matchAll(IMPORT)].map(([, names, module]) => ({
      ...{ file, module: module! },
      names: names!.split(',').map((name) => name.trim().split(' as ')[0]!),
    })),
  )

test.each(imports)('$file takes what there is of $module', async ({ module, names }) => {
  const exported = Object.keys((await import(`../../src/${module}.ts`)) as object)
  expect(exported).toEqual(expect.arrayContaining(names))
})

test('control: they do take something', () => {
  expect(imports.length).toBeGreaterThan(10)
})
