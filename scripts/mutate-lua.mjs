// Plants one small mistake at a time into lua/, and says which of them no test notices.
//
//   npm run mutants:lua                    all of lua/; an hour on two cores
//   npm run mutants:lua -- acquire hello   of these files alone, or of single mutants by their ids
//   npm run mutants:lua -- --list          only lists the mutants
//   npm run mutants:lua -- --workers 1     leaves the machine to others
//   npm run mutants:lua -- --from 3 …      begins with the third step: what is named has survived those before
//
// What kills most in the least time comes first, and each step looks only at what is left of the one before. Exits 1 if a
// mutant survives that docs/mutation.md does not explain, or if one that is explained there is killed or gone.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { bundleLua } from './lua-bundle.mjs'
import { mutantsOf } from './lua-mutants.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const page = `${root}docs/mutation.md`

/** Those that judge many mutants in one process come first; the others are started for each mutant. */
const STEPS = [
  { name: '25 sequences of calls', judges: 'test/mutation/sequences.test.ts', env: { HEADCOUNT_RUNS: '25' } },
  { name: 'the contract', judges: 'test/mutation/contract.test.ts' },
  {
    name: 'the rules and bounds',
    tests: [
      ...['test/lua/rules', 'test/lua/memory', 'test/lua/admission-encoding'],
      ...['redis-acquire', 'redis-bounds', 'redis-broken-overrides', 'redis-connection', 'redis-inspector'],
    ],
  },
  { name: '400 sequences of calls', judges: 'test/mutation/sequences.test.ts', env: { HEADCOUNT_RUNS: '400' } },
]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: 'boolean' },
    workers: { type: 'string', default: '2' },
    from: { type: 'string', default: '1' },
  },
})

const read = (name) => readFileSync(`${root}lua/${name}.lua`, 'utf8')
const names = [
  ...readdirSync(`${root}lua`).filter((name) => name.endsWith('.lua')),
  ...readdirSync(`${root}lua/include`).map((name) => `include/${name}`),
].map((name) => name.slice(0, -'.lua'.length))

const mutants = names
  .flatMap((name) => mutantsOf(name, read(name)))
  .filter(({ id, file }) => positionals.length === 0 || positionals.includes(file) || positionals.includes(id))

if (values.list) for (const mutant of mutants) console.log(inWords(mutant))
else report(await judgeAll())

/** Each mutant's fate by its id. */
async function judgeAll() {
  const folder = mkdtempSync(join(tmpdir(), 'headcount-mutants-'))
  const fates = new Map(mutants.map(({ id }) => [id, 'survived']))
  try {
    for (const step of STEPS.slice(Number(values.from) - 1)) {
      const alive = mutants.filter(({ id }) => fates.get(id) === 'survived')
      console.log(`${alive.length} of ${mutants.length} are looked at by ${step.name}`)
      const workers = Math.min(Number(values.workers), alive.length)
      const shares = Array.from({ length: workers }, (_, i) => alive.filter((_, j) => j % workers === i))
      const verdicts = await Promise.all(shares.map((share, i) => judge(join(folder, `${i}`), share, step)))
      for (const found of verdicts) for (const [id, fate] of found) fates.set(id, fate)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
  return fates
}

/**
 * The fates of some mutants. The script without a mistake is the first and the last of them, and must survive both times:
 * a mutant that spoils something for those after it would count them as killed.
 */
async function judge(path, share, { judges, tests, env }) {
  const controls = ['first', 'last'].map((when) => ({ id: `${when} control`, script: bundleLua(read) }))
  const judged = share.map((mutant) => ({ id: mutant.id, script: scriptOf(mutant) }))
  const all = [controls[0], ...judged, controls[1]]
  const fates = judges ? await judgeTogether(path, all, judges, env) : await judgeEach(path, all, tests)
  const silent = all.filter(({ id }) => !fates.has(id))
  const found = controls.map(({ id }) => `${id} ${fates.get(id)}`)
  if (silent.length > 0 || controls.some(({ id }) => fates.get(id) !== 'survived')) {
    throw new Error(`no verdict on ${silent.length} of ${all.length}; ${found.join(', ')}`)
  }
  for (const { id } of controls) fates.delete(id)
  return fates
}

/** A failed test is a mutant killed, so how the run ends says nothing: the verdicts do. */
async function judgeTogether(path, all, judges, env) {
  const [asked, told] = [`${path}.mutants`, `${path}.verdicts`]
  writeFileSync(asked, all.map((one) => JSON.stringify(one)).join('\n'))
  writeFileSync(told, '')
  await vitest(['--mode', 'mutants', judges], { ...env, HEADCOUNT_MUTANTS: asked, HEADCOUNT_VERDICTS: told }, path)
  const verdicts = readFileSync(told, 'utf8')
    .trim()
    .split('\n')
    .filter((line) => line !== '')
  return new Map(verdicts.map((line) => JSON.parse(line)).map(({ id, fate }) => [id, fate]))
}

async function judgeEach(path, all, tests) {
  const fates = new Map()
  for (const { id, script } of all) {
    writeFileSync(`${path}.lua`, script)
    const code = await vitest([...tests, '--bail', '1', '--maxWorkers', '1'], { HEADCOUNT_SCRIPT: `${path}.lua` }, path)
    fates.set(id, code === 0 ? 'survived' : 'killed')
  }
  return fates
}

function scriptOf({ file, text }) {
  return bundleLua((name) => (name === file ? text : read(name)))
}

/** The exit code of a run of vitest, whose words go into a file. One that was itself killed has found nothing out. */
function vitest(args, env, path) {
  const command = [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--reporter',
    'json',
    '--outputFile',
    `${path}.log`,
  ]
  return new Promise((resolve, reject) => {
    const options = { cwd: root, env: { ...process.env, ...env }, stdio: 'ignore' }
    const child = spawn(process.execPath, [...command, ...args], options)
    child.on('error', reject)
    child.on('close', (code, signal) =>
      signal ? reject(new Error(`the tests were ended by ${signal}`)) : resolve(code),
    )
  })
}

function report(fates) {
  const born = mutants.filter(({ id }) => fates.get(id) !== 'stillborn')
  const alive = born.filter(({ id }) => fates.get(id) === 'survived')
  console.log('\n| file | mutants | killed | survived |\n| --- | ---: | ---: | ---: |')
  for (const name of [...names, 'all']) {
    const ofFile = ({ file }) => name === 'all' || file === name
    const [all, left] = [born.filter(ofFile).length, alive.filter(ofFile).length]
    if (all > 0) console.log(`| ${name} | ${all} | ${all - left} | ${left} |`)
  }
  const explained = new Set(existsSync(page) ? readFileSync(page, 'utf8').match(/\b[\w/-]+#[0-9a-f]{5}\b/g) : [])
  const unexplained = alive.filter(({ id }) => !explained.has(id))
  const asked = positionals.length === 0 ? [...explained] : born.map(({ id }) => id).filter((id) => explained.has(id))
  const idle = asked.filter((id) => fates.get(id) !== 'survived')
  if (unexplained.length > 0) console.log('\nsurvived, and docs/mutation.md does not say why:\n')
  for (const mutant of unexplained) console.log(inWords(mutant))
  if (idle.length > 0) console.log(`\nexplained in docs/mutation.md, but killed or gone: ${idle.join(', ')}`)
  process.exitCode = unexplained.length + idle.length > 0 ? 1 : 0
}

function inWords({ id, line, operator, before, after }) {
  return `${id}  line ${line}, ${operator}\n    - ${before}\n    + ${after || '(nothing)'}`
}
