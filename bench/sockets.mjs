import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { startChild } from './child.mjs'
import { forget, PREFIX } from './prefix.mjs'
import { machineFacts, table } from './report.mjs'

const CLIENT_PROCESSES = 2
const IN_FLIGHT = 50
const WARM = 300
const WINDOW_MS = 30_000
const PATIENCE_MS = 30_000
/** Descriptors that a process needs beside its sockets. */
const OTHER_FILES = 500
const MOST_LAG_MS = 50
/** A heap that is flat may breathe, but not grow. */
const FLAT = 1.02

/**
 * One node process that holds idle sockets through its ping cycles, with the default pong timeout of 30 s: memory a
 * connection, CPU, and how late the event loop is. Clients are processes of their own, in orgs of 3.
 */
export async function run({ url, flags }) {
  const connections = wholeNumber(flags.connections ?? (flags.quick ? '2000' : '20000'), '--connections')
  const minutes = wholeNumber(flags.minutes ?? '1', '--minutes')
  await checkFiles(connections + OTHER_FILES)
  const directory = await mkdtemp(join(tmpdir(), 'headcount-bench-'))
  const redis = new Redis(url)
  const node = startChild('sockets-node.mjs', await settingsOf(directory, url, connections), {
    execArgv: ['--expose-gc'],
  })
  const clients = Array.from({ length: CLIENT_PROCESSES }, () => startChild('sockets-clients.mjs', {}))
  try {
    console.log(await machineFacts(redis))
    const port = await node.ask('port')
    const none = await emptyNode({ node, clients, port })
    const startMs = performance.now()
    await open(clients, port, connections)
    const perSecond = (connections / (performance.now() - startMs)) * 1_000
    console.log(`${connections} connections opened, ${Math.round(perSecond)} a second; held for ${minutes} min\n`)
    const windows = []
    for (let n = 0; n < (minutes * 60_000) / WINDOW_MS; n++) windows.push(await heldFor(WINDOW_MS, node, clients))
    console.log(report({ windows, none, connections }))
    return goals({ windows, connections, minutes })
  } finally {
    await Promise.all([node, ...clients].map((child) => child.stop('SIGKILL')))
    if (process.env.BENCH_REDIS_URL) await forget(redis)
    redis.disconnect()
    await rm(directory, { recursive: true, force: true })
  }
}

function wholeNumber(text, flag) {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text)
  throw new RangeError(`${flag} must be a whole number from 1, not ${text}`)
}

/** Node takes as many as it may by itself; its children inherit that. */
async function checkFiles(wanted) {
  const [, most] = /Max open files\s+\d+\s+(\d+|unlimited)/.exec(await readFile('/proc/self/limits', 'utf8'))
  if (Number(most) < wanted)
    throw new Error(`a process may open ${most} files here: ulimit -n ${wanted}, or fewer --connections`)
}

async function settingsOf(directory, url, connections) {
  const keys = Array.from({ length: Math.ceil(connections / 3) }, (_, i) => ({
    key: `key-${i}`,
    orgId: `org-${i}`,
    gatewayId: `gateway-${i}`,
  }))
  const file = join(directory, 'keys.json')
  await writeFile(file, JSON.stringify({ keys }))
  const ports = { PORT: '0', HOST: '127.0.0.1', ADMIN_PORT: '0', ADMIN_TOKEN: 'bench-token-of-nobody-else' }
  const many = { WS_MAX_CONNECTIONS: `${connections}`, WS_RATE_LIMIT_PER_MINUTE: '10000000' }
  // A slow machine must give a slow number, not an abort.
  const patient = { HEADCOUNT_STORE_TIMEOUT: '2s' }
  return {
    ...ports,
    ...many,
    ...patient,
    REDIS_URL: url,
    HEADCOUNT_KEY_PREFIX: `${PREFIX}sockets:`,
    HEADCOUNT_KEYS_FILE: file,
  }
}

/** What a node takes that has served some connections and holds none. */
async function emptyNode({ node, clients: [first], port }) {
  const some = { port, localAddress: '127.0.0.1', from: 0, inFlight: IN_FLIGHT }
  // Into an empty Redis nobody is admitted at first (R1).
  await until(() => first.ask('open', { ...some, count: 1 }).then(Boolean, () => false), 'a connection is admitted')
  await first.ask('open', { ...some, from: 3, count: WARM })
  await first.ask('close')
  await until(async () => (await first.ask('counts')).open === 0, 'connections close')
  await node.ask('begin')
  await sleep(1_000)
  return node.ask('end')
}

async function until(isSo, what) {
  const deadline = performance.now() + PATIENCE_MS
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`not so within ${PATIENCE_MS} ms: ${what}`)
    await sleep(100)
  }
}

/** Each process of clients from an address of its own: one address has ports for some 28,000. */
async function open(clients, port, connections) {
  const share = Math.ceil(connections / clients.length)
  await Promise.all(
    clients.map((client, i) => {
      const [from, count] = [i * share, Math.min(share, connections - i * share)]
      return client.ask('open', { port, localAddress: `127.0.0.${2 + i}`, from, count, inFlight: IN_FLIGHT })
    }),
  )
}

async function heldFor(ms, node, clients) {
  const counted = async () => {
    const counts = await Promise.all(clients.map((client) => client.ask('counts')))
    const sum = (field) => counts.reduce((all, one) => all + one[field], 0)
    return { open: sum('open'), pings: sum('pings') }
  }
  await node.ask('begin')
  const before = await counted()
  await sleep(ms)
  const after = await counted()
  return { ...(await node.ask('end')), open: after.open, pings: after.pings - before.pings }
}

function report({ windows, none, connections }) {
  const kilobytes = (bytes) => (bytes / connections / 1_024).toFixed(2)
  const rows = windows.map(({ open, heap, external, rss, cpuUs, pings, p99Ms, longestMs, longestCpuMs }, i) => [
    `${((i + 1) * WINDOW_MS) / 1_000} s`,
    `${open}`,
    kilobytes(heap - none.heap),
    kilobytes(heap + external - none.heap - none.external),
    kilobytes(rss - none.rss),
    `${((100 * cpuUs) / (WINDOW_MS * 1_000)).toFixed(1)} %`,
    `${pings}`,
    p99Ms.toFixed(1),
    longestMs.toFixed(1),
    longestCpuMs.toFixed(1),
  ])
  const head = [
    'after',
    'open',
    'heap',
    'with buffers',
    'RSS',
    'of a core',
    'pings',
    'lag p99 ms',
    'longest',
    'CPU in it',
  ]
  const megabytes = (bytes) => (bytes / 2 ** 20).toFixed(0)
  return [
    'KiB a connection, after a collection, beyond a node that holds none',
    '',
    table([head, ...rows]),
    '',
    `that node takes ${megabytes(none.rss)} MiB, ${megabytes(none.heap)} MiB of it heap`,
  ].join('\n')
}

function goals({ windows, connections, minutes }) {
  const open = windows.at(-1).open
  const lagMs = Math.max(...windows.map(({ p99Ms }) => p99Ms))
  const growth = windows.at(-1).heap / windows[0].heap
  return [
    { text: `${open} of ${connections} are open after ${minutes} min`, met: open === connections },
    {
      text: `the heap is flat: ${growth.toFixed(3)}× of what it was after the first window, at most ${FLAT}×`,
      met: growth <= FLAT,
    },
    {
      text: `event loop lag p99 ${lagMs.toFixed(1)} ms in the worst window, below ${MOST_LAG_MS}`,
      met: lagMs < MOST_LAG_MS,
    },
  ]
}
