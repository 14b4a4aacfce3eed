// Checks the model in every configuration: those that must hold hold, and each that lacks one rule is violated.
// Prints one line a configuration; exits 1 if any is not as expected. Needs spin and gcc; see README.md.

import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { configurations } from './configurations.mjs'
import { verdictOf } from './verdict.mjs'

const MODEL = fileURLToPath(new URL('headcount.pml', import.meta.url))
/** Two searches at once stay well below 4 GiB; one that is deep takes as much alone. */
const SEARCHES_AT_ONCE = 2
const MEMORY_MIB = 1_700
const DEEP_MEMORY_MIB = 4_000
const SEARCH_LIMIT_MS = 600_000
const INSTALL_LIMIT_MS = 240_000

const isDeep = ({ name }) => name.startsWith('deep: ')

async function check({ name, switches, expected }) {
  const memoryMib = isDeep({ name }) ? DEEP_MEMORY_MIB : MEMORY_MIB
  const folder = await mkdtemp(join(tmpdir(), 'headcount-model-'))
  const startedAt = performance.now()
  try {
    const mustHold = expected === 'holds'
    await run(folder, 'spin', [...switches.map((one) => `-D${one}`), '-a', MODEL])
    // A violation is near; nodes act before time passes, and no search for it goes deeper than it has to.
    const order = mustHold ? ['-O2'] : ['-O1', '-DREVERSE', '-DT_REVERSE']
    const depth = switches.includes('CLOSE') ? 150 : 100
    const options = ['-w', '-DSAFETY', '-DNOREDUCE', '-DVECTORSZ=512', `-DMEMLIM=${memoryMib}`]
    await run(folder, 'gcc', [...order, ...options, '-o', 'pan', 'pan.c'])
    const output = await run(folder, './pan', ['-E', mustHold ? '-m20000' : `-m${depth}`, '-w23'])
    const found = verdictOf(output)
    const states = Number(/([\d.e+]+) states, stored/.exec(output)?.[1] ?? 0)
    const seconds = (performance.now() - startedAt) / 1_000
    return { name, expected, found, states, seconds, output, passed: found === expected }
  } catch (error) {
    const seconds = (performance.now() - startedAt) / 1_000
    return { name, expected, found: 'no end', states: 0, seconds, output: error.message, passed: false }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Runs to its end and resolves to what it printed. Rejects if it cannot be started, fails, or takes too long. */
function run(cwd, command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: SEARCH_LIMIT_MS })
    let output = ''
    const keep = (text) => {
      output += text
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output)
      else reject(new Error(`${command} ended with ${signal ?? code}: ${output.slice(-2_000)}`))
    })
  })
}

function has(command) {
  return spawnSync(command, ['-V'], { stdio: 'ignore' }).error === undefined
}

/** Debian's package, as root or where sudo asks for no password. */
function ensureTools() {
  if (has('spin') && has('gcc')) return
  const root = process.getuid?.() === 0
  if (has('apt-get') && (root || has('sudo'))) {
    console.log('model: spin or gcc not found, trying apt-get install spin gcc libc6-dev')
    const aptGet = root ? ['apt-get'] : ['sudo', '-n', 'DEBIAN_FRONTEND=noninteractive', 'apt-get']
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'spin', 'gcc', 'libc6-dev']]) {
      const [command, ...options] = [...aptGet, '-qq', '-o', 'DPkg::Lock::Timeout=120']
      spawnSync(command, [...options, ...args], {
        env,
        stdio: ['ignore', 'ignore', 'inherit'],
        timeout: INSTALL_LIMIT_MS,
      })
    }
  }
  if (has('spin') && has('gcc')) return
  console.error(
    'model: install spin and gcc (Debian and Ubuntu: apt-get install spin gcc libc6-dev; macOS: brew install spin)',
  )
  process.exit(1)
}

function line({ name, expected, found, states, seconds, passed }) {
  const columns = [name.padEnd(52), expected.padEnd(24), found.padEnd(24)]
  return `${passed ? 'ok  ' : 'FAIL'} ${columns.join(' ')} ${String(states).padStart(9)} ${seconds.toFixed(1).padStart(6)} s`
}

async function main(wanted) {
  ensureTools()
  // What takes minutes runs only when it is named.
  const named = ({ name }) => wanted.every((word) => name.includes(word))
  const waiting = configurations.filter((one) => (wanted.length > 0 ? named(one) : !isDeep(one)))
  if (waiting.length === 0) throw new Error(`no configuration is named ${wanted.join(' ')}`)
  const startedAt = performance.now()
  const head = ['configuration'.padEnd(52), 'expected'.padEnd(24), 'found'.padEnd(24)].join(' ')
  console.log(`     ${head} ${'states'.padStart(9)}`)
  let failed = 0
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const result = await check(next)
      console.log(line(result))
      if (result.passed) continue
      failed++
      const file = join(tmpdir(), `headcount-model-${next.switches.join('-').replaceAll(/\W+/g, '-')}.log`)
      await writeFile(file, result.output)
      console.log(`     what the search printed is in ${file}`)
    }
  }
  await Promise.all(Array.from({ length: waiting.some(isDeep) ? 1 : SEARCHES_AT_ONCE }, work))
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0)
  console.log(failed === 0 ? `all as expected, in ${seconds} s` : `${failed} not as expected, in ${seconds} s`)
  process.exitCode = failed === 0 ? 0 : 1
}

await main(process.argv.slice(2))
