// Bundles dashboard/ into one TypeScript module, so that the server reads no loose files when it runs.
//
//   node scripts/bundle-dashboard.mjs           writes src/admin/dashboard.generated.ts
//   node scripts/bundle-dashboard.mjs --check   exits 1 if that file is not what it would write
//
// The compiler checks the page's TypeScript and takes the types out; the modules stay as many as they are. A browser
// loads them side by side, because the page names all of them in advance.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeOrCheck } from './write-or-check.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

function compiled() {
  const out = mkdtempSync(join(tmpdir(), 'headcount-dashboard-'))
  try {
    const tsc = `${root}node_modules/typescript/bin/tsc`
    execFileSync(process.execPath, [tsc, '-p', `${root}dashboard`, '--noEmit', 'false', '--outDir', out], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    // Beside the page's own modules lies what they take types from, which the page never loads.
    const own = join(out, 'dashboard')
    return readdirSync(own)
      .sort()
      .map((name) => [name, readFileSync(join(own, name), 'utf8')])
  } finally {
    rmSync(out, { recursive: true, force: true })
  }
}

const modules = compiled()
const preloads = modules.map(([name]) => `    <link rel="modulepreload" href="/dashboard/${name}">\n`).join('')
const page = readFileSync(`${root}dashboard/index.html`, 'utf8')
  .replace(/^ *<!-- modules -->\n/m, preloads)
  .replace(/^ *<!--.*-->\n/gm, '')
const files = [['index.html', page], ['style.css', readFileSync(`${root}dashboard/style.css`, 'utf8')], ...modules]

const entries = files.map(([name, text]) => {
  const lines = text.split('\n').map((line) => `    ${JSON.stringify(line)},\n`)
  return `  ${JSON.stringify(name)}: [\n${lines.join('')}  ].join('\\n'),\n`
})
const text = `// Made from dashboard/ by scripts/bundle-dashboard.mjs. Do not edit.
export const DASHBOARD_FILES: Readonly<Record<string, string>> = {
${entries.join('')}}
`

writeOrCheck('src/admin/dashboard.generated.ts', 'dashboard/', text)
