// Bundles lua/*.lua into one script with a dispatch on its first argument, as a TypeScript module.
//
//   node scripts/bundle-lua.mjs           writes src/store/redis/script.generated.ts
//   node scripts/bundle-lua.mjs --check   exits 1 if that file is not what it would write
//
// One script, not one a verb: with a single SHA a NOSCRIPT fallback cannot reorder an acquire and its release.
// Each verb is an inlined block, so a call pays only for its own functions.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { bundleLua } from './lua-bundle.mjs'
import { writeOrCheck } from './write-or-check.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const script = bundleLua((name) => readFileSync(`${root}lua/${name}.lua`, 'utf8'))
const text = `// Made from lua/*.lua by scripts/bundle-lua.mjs. Do not edit.
export const SCRIPT = ${JSON.stringify(script.split('\n'), null, 2)}.join('\\n')
`

writeOrCheck('src/store/redis/script.generated.ts', 'lua/', text)
