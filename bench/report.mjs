import { cpus } from 'node:os'
import { medianOf, REFERENCE, ratioOf } from './goals.mjs'

const OPERATIONS = ['acquire', 'refuse', 'release']

/** What it runs on, in one line. */
export async function machineFacts(redis) {
  const info = await redis.info('server')
  const field = (name) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1]
  const version = field('valkey_version') ? `Valkey ${field('valkey_version')}` : `Redis ${field('redis_version')}`
  return `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores; ${field('os')}; Node ${process.version}; ${version}`
}

export function scaleFacts({ orgs, connectionsPerOrg, nodes, rounds }) {
  return (
    `${orgs} orgs of ${connectionsPerOrg} connections, ${nodes} nodes; ` +
    `medians of ${rounds} interleaved rounds; (n×) = multiple of the script that does nothing, one a call`
  )
}

/** µs of Redis an item, and in brackets its multiple of the script that does nothing. `kind` is a sum of the meter. */
export function admissionTable(systems, samples, scale, kind) {
  return table(admissionRows(systems, samples, scale, kind, () => REFERENCE))
}

/** The same, in brackets the multiple of headcount's own plain operation. */
export function furtherTable(systems, samples, scale, kind) {
  return table(admissionRows(systems, samples, scale, kind, (key) => `headcount ${key}`))
}

/** Each operation alone and batched: its samples are those of `<system> <key>`. */
export function admissionColumns({ batchSize }) {
  return [1, batchSize].flatMap((size) =>
    OPERATIONS.map((operation) => ({
      key: `${operation} ${size}`,
      head: size === 1 ? operation : `${operation} by ${size}`,
    })),
  )
}

function admissionRows(systems, samples, scale, kind, referenceOf) {
  const columns = admissionColumns(scale)
  const cell = (found, key) =>
    found
      ? `${medianOf(found, kind).toFixed(2)} (${ratioOf(found, samples.get(referenceOf(key)), kind).toFixed(2)}×)`
      : '–'
  const rows = systems.map(({ name }) => [name, ...columns.map(({ key }) => cell(samples.get(`${name} ${key}`), key))])
  return [['', ...columns.map(({ head }) => head)], ...rows]
}

/** µs of Redis for one idle connection in a minute, and what 100,000 of them take of a core. */
export function idleTable(systems, samples, { batchSize }) {
  const rows = [
    ['headcount', 'node renews every 3 s', 'headcount renewals'],
    ['headcount', 'audit of every connection every 30 s', 'headcount audit'],
    ...systems.flatMap(({ name }) => [
      [name, 'each connection every 10 s', `${name} beat 1`],
      [name, `the same, ${batchSize} pipelined`, `${name} beat ${batchSize}`],
    ]),
  ]
  const cells = rows.map(([name, how, key]) => {
    const [script, cpu] = [medianOf(samples.get(key), 'script'), medianOf(samples.get(key), 'cpu')]
    // µs a minute of one connection, times 100,000 connections, over 60 s of 1,000 ms.
    return [name, how, script.toFixed(3), cpu.toFixed(3), ((cpu * 100_000) / 60 / 1_000).toFixed(2)]
  })
  return table([['', '', 'in the command', 'all CPU', '100,000 of them: ms a second'], ...cells])
}

/** A table that reads well in a terminal and in Markdown. */
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length), 3))
  const line = (row) =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n')
}
