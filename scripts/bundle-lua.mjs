// Bundles lua/*.lua into one script with a dispatch on its first argument, as a TypeScript module.
//
//   node scripts/bundle-lua.mjs           writes src/store/script.generated.ts
//   node scripts/bundle-lua.mjs --check   exits 1 if that file is not what it would write
//
// One script, not one a verb: with a single SHA a NOSCRIPT fallback cannot reorder an acquire and its release.
// Each verb is an inlined block, so a call pays only for its own functions.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { bundleLua } from './lua-bundle.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const target = `${root}src/store/script.generated.ts`
const script = bundleLua((name) => readFileSync(`${root}lua/${name}.lua`, 'utf8'))
const text = `// Made from lua/*.lua by scripts/bundle-lua.mjs. Do not edit.
export const SCRIPT = ${JSON.stringify(script.split('\n'), null, 2)}.join('\\n')
`

if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== text) {
    console.error('src/store/script.generated.ts has drifted from lua/: run `npm run bundle`')
    process.exit(1)
  }
} else {
  writeFileSync(target, text)
}
