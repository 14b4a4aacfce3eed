// Bundles lua/*.lua into one script with a dispatch on its first argument, as a TypeScript module.
//
//   node scripts/bundle-lua.mjs           writes src/store/script.generated.ts
//   node scripts/bundle-lua.mjs --check   exits 1 if that file is not what it would write
//
// One script, not one a verb: with a single SHA a NOSCRIPT fallback cannot reorder an acquire and its release.
// Each verb is an inlined block, so a call pays only for its own functions.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const target = `${root}src/store/script.generated.ts`
// Hot verbs first: the dispatch is a chain of comparisons.
const verbs = [
  ...['acquire', 'release', 'renew', 'sweep', 'reassert', 'hello', 'leave', 'audit', 'inspect'],
  ...['override', 'learn', 'restore', 'order', 'confirm'],
]

/** Comments stay in lua/: Redis keeps the text of every script in memory and hashes it at load. */
const strip = (text) => text.replace(/^[ \t]*--(?! @include).*\n/gm, '').replace(/[ \t]+-- (?!@include).*$/gm, '')

function source(name) {
  const text = strip(readFileSync(`${root}lua/${name}.lua`, 'utf8'))
  return text.replace(/^\s*-- @include (\S+)\n/gm, (_, include) => source(`include/${include}`))
}

const blocks = verbs.map((verb) => `if verb == '${verb}' then\n${source(verb).trimEnd()}\nend`)
// A global is looked up by its name each time, a local is not: some 3 % of a batch.
const locals = 'local redis, KEYS, ARGV = redis, KEYS, ARGV'
const script = `${locals}\nlocal verb = ARGV[1]\n${blocks.join('\n')}\nreturn redis.error_reply('HEADCOUNT unknown verb')\n`
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
