// What headcount costs, beside what people use today. Everything of a part is measured in one run on one Redis.
//
//   npm run bench                 what admissions and idle connections cost Redis, some three minutes
//   npm run bench -- floor        what the bare commands of an admission cost, without anything between them
//   npm run bench -- throughput   pairs of acquire and release a second, from end to end through one client
//   npm run bench -- upgrades     upgrades a second of a node, beside bare ws
//   npm run bench -- growth       an admission among 100 to 1,000,000 orgs, beside a bare semaphore; with 1 to 100 nodes;
//                                 and in an org of 100,000
//   npm run bench -- reclaim      a node with 10,000 connections dies: when its slots are free, and what others notice
//   npm run bench -- correctness  what each does in a storm, after kill -9, after FLUSHALL, and with a clock that is ahead
//   npm run bench -- memory       bytes of Redis a connection, and where they go
//   npm run bench -- idle         what Redis does while nothing happens and while a dead node is swept, and for how long
//   npm run bench -- capacity     what `headcount size` says, beside what is measured at 10^5 and 10^6 connections
//   npm run bench -- sockets      a node with 20,000 idle sockets for 1 min: memory, CPU, how late its event loop is
//   … --connections 5000 --minutes 10
//                                 how many sockets, and how long they are held
//   … --quick                     fewer rounds and orgs
//   … --check                     exit code 1 when a goal is missed
//   … --svg docs/images           bar charts of the medians into that directory: costs, throughput, upgrades, growth
//   npm run bench -- --against ../older
//                                 the plain path of another working copy too, which must be built
//
// BENCH_REDIS_URL takes a Redis that is there (it is filled under a prefix, and emptied of that prefix at the end).
// What needs several of them, or empties one, starts its own all the same.
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { benchRedis } from './redis-server.mjs'

const PARTS = [
  'costs',
  'floor',
  'throughput',
  'upgrades',
  'growth',
  'reclaim',
  'correctness',
  'memory',
  'idle',
  'sockets',
  'capacity',
]
const DRAWN = ['costs', 'throughput', 'upgrades', 'growth']

/** The head of this file. */
function usage() {
  const lines = readFileSync(import.meta.filename, 'utf8').split('\n')
  const end = lines.findIndex((line) => !line.startsWith('//'))
  return lines
    .slice(0, end)
    .map((line) => line.slice(3))
    .join('\n')
}

function refuse(problem) {
  console.error(`${problem}; npm run bench -- --help tells more`)
  process.exit(64)
}

function given() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        quick: { type: 'boolean', default: false },
        check: { type: 'boolean', default: false },
        svg: { type: 'string' },
        against: { type: 'string' },
        connections: { type: 'string' },
        minutes: { type: 'string' },
      },
    })
  } catch (error) {
    return refuse(error.message)
  }
}

const { values: flags, positionals } = given()
if (flags.help) {
  console.log(usage())
  process.exit(0)
}
const [part = 'costs'] = positionals
if (!PARTS.includes(part)) refuse(`there is no part ${JSON.stringify(part)}; there are ${PARTS.join(', ')}`)
if (flags.svg !== undefined && !DRAWN.includes(part)) refuse(`--svg draws ${DRAWN.join(', ')}`)
const server = await benchRedis()
const stop = () => server.stop().finally(() => process.exit(130))
process.once('SIGINT', stop).once('SIGTERM', stop)
const { run } = await import(`./${part}.mjs`)
const goals = await run({ url: server.url, flags }).finally(() => server.stop())
console.log('')
for (const { met, text } of goals) console.log(`${met ? '✓' : '✗'} ${text}`)
process.exit(flags.check && !goals.every(({ met }) => met) ? 1 : 0)
