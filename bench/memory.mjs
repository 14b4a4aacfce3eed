import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { headcount } from './headcount.mjs'
import { population } from './population.mjs'
import { benchRedis } from './redis-server.mjs'
import { machineFacts, table } from './report.mjs'
import { counter } from './rivals/counter.mjs'
import { expiryZset } from './rivals/expiry-zset.mjs'
import { redisSemaphore } from './rivals/redis-semaphore.mjs'
import { settledBytes } from './used-memory.mjs'

const PREFIX = 'hc:1:'
const NODES = 20
const THRESHOLDS = [
  ...['hash-max-listpack-entries', 'hash-max-listpack-value'],
  ...['zset-max-listpack-entries', 'zset-max-listpack-value'],
]
const PIPELINE = 1_000

/** Most bytes a connection, and for which row. */
const GOALS = [
  { row: 'orgs of 3, with details', most: 250 },
  { row: 'orgs of 3, without', most: 120 },
]

/**
 * What a connection takes of Redis's memory, everything included, and where it goes. Each row has an empty Redis of its
 * own, so that nothing is shared and nothing is left over.
 */
export async function run({ flags }) {
  const rows = []
  for (const wanted of wantedRows(flags.quick ? 10 : 1)) {
    const server = await benchRedis({})
    try {
      rows.push(await measured(server.url, wanted))
    } finally {
      await server.stop()
    }
  }
  console.log(rows[0].machine)
  console.log(`${rows[0].thresholds}\n`)
  console.log(`bytes of Redis a connection\n\n${table([HEAD, ...rows.map(cells)])}\n`)
  console.log(`the kinds of keys, bytes a connection by MEMORY USAGE, and how Redis keeps them\n`)
  for (const { name, kinds } of rows) console.log(`- ${name}: ${kinds.map(kindText).join('; ')}`)
  return GOALS.map(({ row, most }) => {
    const { perConnection } = rows.find(({ name }) => name === row)
    return { met: perConnection <= most, text: `${row}: ${perConnection.toFixed(0)} bytes, at most ${most}` }
  })
}

function wantedRows(less) {
  const small = { orgs: 33_000 / less, connectionsPerOrg: 3 }
  const ours = (how) => (wiring) => headcount({ ...wiring, prefix: PREFIX, nodes: NODES, ...how })
  const bare = { detailsOf: () => '' }
  const instanceOf = ({ org, id }) => [{ name: 'instance', id: `${org}/gateway-1/${id}`, limit: 1 }]
  return [
    { name: 'orgs of 3, with details', scale: small, system: ours({}) },
    { name: 'orgs of 3, without', scale: small, system: ours(bare) },
    { name: 'orgs of 3, with details and an instance each', scale: small, system: ours({ scopesOf: instanceOf }) },
    { name: 'orgs of 50, with details', scale: { orgs: 2_000 / less, connectionsPerOrg: 50 }, system: ours({}) },
    {
      name: 'one org of 100,000, with details',
      scale: { orgs: 1, connectionsPerOrg: 100_000 / less },
      system: ours({}),
    },
    { name: 'redis-semaphore, orgs of 3', scale: small, system: redisSemaphore, idOf: () => randomUUID() },
    { name: 'expiry-scored ZSET, orgs of 3', scale: small, system: expiryZset, idOf: longName },
    { name: 'INCR/DECR with EXPIRE, orgs of 3', scale: small, system: counter },
  ]
}

/** As long as a connection's id is with us. */
const longName = (id) => id.padStart(13, '0')

async function measured(url, { name, scale, system, idOf = (id) => id }) {
  const plain = new Redis(url)
  const pipelined = new Redis(url, { enableAutoPipelining: true })
  const made = await system({ url, plain, pipelined, prefix: PREFIX })
  try {
    const connections = scale.orgs * scale.connectionsPerOrg
    const orgs = population(scale).map((org) => ({ ...org, ids: org.ids.map(idOf) }))
    // The script, the connections and what Redis counts of each command are there before the first reading: they cost
    // the same however many come.
    await made.populate([{ index: 0, org: 'warm', ids: ['warm'] }])
    const before = await settledBytes(plain)
    for (let from = 0; from < orgs.length; from += PIPELINE) await made.populate(orgs.slice(from, from + PIPELINE))
    const bytes = (await settledBytes(plain)) - before
    const kinds = await kindsOf(plain, connections)
    return {
      name,
      kinds,
      perConnection: bytes / connections,
      machine: await machineFacts(plain),
      thresholds: await thresholds(plain),
    }
  } finally {
    await made.close?.()
    plain.disconnect()
    pipelined.disconnect()
  }
}

/** By the part of the key's name that says what it holds. */
async function kindsOf(redis, connections) {
  const kinds = new Map()
  const seen = new Set()
  for await (const page of redis.scanStream({ match: `${PREFIX}*`, count: PIPELINE })) {
    // SCAN may give a name twice.
    const names = page.filter((name) => !seen.has(name))
    for (const name of names) seen.add(name)
    const asked = redis.pipeline()
    for (const name of names) asked.memory('USAGE', name, 'SAMPLES', 0).object('ENCODING', name)
    const answers = (await asked.exec()).map(([, answer]) => answer)
    names.forEach((name, i) => {
      const kind = kindOf(name)
      const found = kinds.get(kind) ?? { kind, keys: 0, bytes: 0, encodings: new Set() }
      found.keys++
      found.bytes += answers[2 * i]
      found.encodings.add(answers[2 * i + 1])
      kinds.set(kind, found)
    })
  }
  return [...kinds.values()]
    .map((kind) => ({ ...kind, bytes: kind.bytes / connections }))
    .filter(({ bytes }) => bytes >= 0.5)
    .sort((one, other) => other.bytes - one.bytes)
}

function kindOf(name) {
  const [word, more] = name
    .slice(PREFIX.length)
    .replace(/^\{\d+\}:/, '')
    .split(':')
  return word === 'scope' ? `scope:${more}` : word
}

const HEAD = ['', 'bytes']
const cells = ({ name, perConnection }) => [name, perConnection.toFixed(0)]
const kindText = ({ kind, keys, bytes, encodings }) =>
  `\`${kind}\` ${bytes.toFixed(0)} (${keys} ${[...encodings].sort().join(', ')})`

async function thresholds(redis) {
  const found = await Promise.all(THRESHOLDS.map((name) => redis.config('GET', name)))
  return found.map(([name, value]) => `${name} ${value}`).join(', ')
}
