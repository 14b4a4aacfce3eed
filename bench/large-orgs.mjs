import { Redis } from 'ioredis'
import { add, ask, turned } from './admission-rounds.mjs'
import { medianOf } from './goals.mjs'
import { headcount, value } from './headcount.mjs'
import { Meter } from './meter.mjs'
import { benchRedis } from './redis-server.mjs'
import { table } from './report.mjs'

const SMALL = 3
const NODES = 20
const [ATTEMPTS, IN_FLIGHT] = [200, 32]
const MOST = 1.2

/**
 * One org of very many connections beside one of three, on a Redis of their own: what it costs to be refused, to be
 * admitted and to leave, while all nodes are well; then to be refused while one node's slots are not swept yet, when the
 * living have to be counted. The same org is asked again and again, so that both are equally warm.
 */
export async function largeOrgs({ size, rounds }) {
  const server = await benchRedis({})
  const redis = new Redis(server.url)
  const ours = await headcount({ url: server.url, prefix: 'hc:', nodes: NODES })
  // A lease of its own, that will be given up with its slots: as many of each org as every other has.
  const dying = await headcount({ url: server.url, prefix: 'hc:', nodes: 1 })
  try {
    const orgs = [org('small', SMALL), org('large', size)]
    await ours.populate(orgs)
    const meter = new Meter(redis)
    await meter.calibrate()
    const samples = new Map()
    const measured = async (operations, limits) => {
      for (let round = -1; round < rounds; round++) {
        for (const operation of operations) {
          for (const one of turned(orgs, round + 1)) {
            const calls = Array.from({ length: ATTEMPTS }, (_, i) => [item(one, i, limits(one))])
            await Promise.all([ours.renewAll(), dying.renewAll().catch(() => {})])
            const sample = await meter.measure('evalsha', ATTEMPTS, () => ask(ours, operation.asked, calls, IN_FLIGHT))
            if (round >= 0) add(samples, `${one.org} ${operation.name}`, sample)
          }
        }
      }
    }
    await measured(OPERATIONS, ({ ids }) => ({ roomy: ids.length + ATTEMPTS, full: ids.length }))
    for (const one of orgs) await dying.acquire([item(one, 'dead', { roomy: size + ATTEMPTS, node: 0 })])
    const { connection, fenceOf } = dying.wiring
    value(await connection.leave(fenceOf({ node: 0 })))
    await measured([UNSWEPT], ({ ids }) => ({ full: ids.length }))
    return { report: report(orgs, samples, rounds), goals: [goal(samples, size)] }
  } finally {
    redis.disconnect()
    await Promise.all([ours.close(), dying.close()])
    await server.stop()
  }
}

const UNSWEPT = { name: 'refuse, a dead node unswept', asked: 'refuse' }
const OPERATIONS = ['acquire', 'release', 'refuse'].map((asked) => ({ name: asked, asked }))
const COLUMNS = ['refuse', 'acquire', 'release', UNSWEPT.name]

function org(name, count) {
  return { org: name, index: 0, ids: Array.from({ length: count }, (_, i) => `${name}-${i}`) }
}

function item({ org }, i, limits) {
  return { org, id: `${org}-more-${i}`, node: i, ...limits }
}

function report(orgs, samples, rounds) {
  const head = ['', ...COLUMNS]
  const rows = orgs.map(({ org, ids }) => [
    `an org of ${ids.length}`,
    ...COLUMNS.map((column) => medianOf(samples.get(`${org} ${column}`), 'script').toFixed(2)),
  ])
  return `µs of Redis an item, inside the command; medians of ${rounds} rounds\n\n${table([head, ...rows])}`
}

function goal(samples, size) {
  const ratio = medianOf(samples.get('large refuse'), 'script') / medianOf(samples.get('small refuse'), 'script')
  const text = `an org of ${size} that is full refuses at ${ratio.toFixed(2)}× the price of one of ${SMALL}, at most ${MOST}×`
  return { text, met: ratio <= MOST }
}
