// Faults on a real cluster, and whether the promises were kept, as its clients saw it.
//
//   npm run chaos                                     ten minutes, three nodes, a seed of its own
//   npm run chaos -- --minutes 3 --seed 42            the same faults in the same order as any other run with that seed
//   npm run chaos -- --nodes 5 --clients 500
//   npm run chaos -- --redis sentinel                 a primary, two replicas and three sentinels in the place of one Redis
//   npm run chaos -- --redis cluster                  a Redis Cluster of three primaries with a replica each
//   npm run chaos -- --instances                      half of the clients name their instance
//   npm run chaos -- --fast                           a lease of 5 s: more faults a minute
//   npm run chaos -- --close                          nodes that close their connections when they do not trust their lease
//   npm run chaos -- --check records.jsonl            judges the records of an earlier run again
//
// Exit code 0 when every promise was kept, 1 when one was not, 2 when the run itself failed. Records of a run that found
// something are kept; --keep FILE keeps them anyway.
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { check } from './checker/check.js'
import { keepRecords, readRecords } from './log.js'
import type { ChaosRecord, RunHeader } from './records.js'
import { REDIS_KINDS, type RedisKind } from './redis-side.js'
import { summary, table } from './report.js'
import { run } from './run.js'
import { FAST, SHIPPED } from './terms.js'

const BREACHES_TOLD = 20

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string' },
    nodes: { type: 'string', default: '3' },
    clients: { type: 'string', default: '300' },
    orgs: { type: 'string', default: '40' },
    redis: { type: 'string', default: 'single' },
    fast: { type: 'boolean', default: false },
    close: { type: 'boolean', default: false },
    instances: { type: 'boolean', default: false },
    keep: { type: 'string' },
    check: { type: 'string' },
  },
})

try {
  // Everything was ended, but of hundreds of sockets that were broken in every way some may keep a process alive.
  process.exit(values.check ? await judgeAgain(values.check) : await runAndJudge())
} catch (error) {
  console.error(error)
  process.exit(2)
}

async function judgeAgain(path: string): Promise<number> {
  const { header, records } = await readRecords(path)
  return judge(header, records)
}

async function runAndJudge(): Promise<number> {
  const seed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : number('seed')
  const [minutes, redis] = [number('minutes'), redisKind()]
  console.log(`seed ${seed}; again: npm run chaos -- --minutes ${minutes} --seed ${seed} --redis ${redis}${flags()}`)
  const { header, records, said } = await run({
    seed,
    minutes,
    nodes: number('nodes'),
    clients: number('clients'),
    orgs: number('orgs'),
    terms: { ...(values.fast ? FAST : SHIPPED), onLeaseLost: values.close ? 'close' : 'rejoin' },
    redis,
    instances: values.instances,
    // This file runs from chaos/dist/chaos.
    script: fileURLToPath(new URL('../../../dist/server/main.js', import.meta.url)),
    tell: (line) => console.log(line),
  })
  const code = judge(header, records)
  const path = values.keep ?? (code === 0 ? undefined : join(tmpdir(), `headcount-chaos-${seed}.jsonl`))
  if (path) {
    await keepRecords(path, header, records)
    console.log(`\nrecords are in ${path}; judge them again: npm run chaos -- --check ${path}`)
  }
  if (code !== 0) console.log(`\nthe nodes logged last:\n${said.slice(-10_000)}`)
  return code
}

function flags(): string {
  const flags = ['fast', 'close', 'instances'] as const
  return flags.map((flag) => (values[flag] ? ` --${flag}` : '')).join('')
}

function judge(header: RunHeader, records: readonly ChaosRecord[]): number {
  const verdict = check(header, records)
  console.log(`\n${table(verdict, records)}\n\n${summary(header, records, verdict)}`)
  for (const { promise, t, what } of verdict.findings.slice(0, BREACHES_TOLD)) {
    console.log(`✗ ${promise} at ${(t / 1_000).toFixed(1)} s: ${what}`)
  }
  return verdict.findings.length === 0 ? 0 : 1
}

function redisKind(): RedisKind {
  const kind = REDIS_KINDS.find((each) => each === values.redis)
  if (!kind) throw new Error(`--redis is '${values.redis}'; there are ${REDIS_KINDS.join(', ')}`)
  return kind
}

function number(name: 'seed' | 'minutes' | 'nodes' | 'clients' | 'orgs'): number {
  const value = Number(values[name])
  if (!(value >= 0)) throw new Error(`--${name} is '${values[name]}'; a number is needed`)
  return value
}
