import { expect, onTestFinished, test } from 'vitest'
import { listed, printFigures, seconds } from '../support/figures.js'
import { leakGate } from '../support/leak-gate.js'
import { untilBooksAgree } from '../support/open-connections.js'
import { StormStage } from '../support/storm-stage.js'
import { until } from '../support/until.js'

leakGate()

const ORGS = 300
const LIMIT = 3
const DRAIN_MS = 10_000
/** How long a load balancer takes to learn that a node drains: until then it goes on sending clients there. */
const NOTICE_MS = 1_000

test('L4: a rolling restart of three nodes with every org at its limit', async () => {
  const env = { HEADCOUNT_DRAIN_TIME: `${DRAIN_MS}ms` }
  const stage = await StormStage.open({ nodes: 3, orgs: ORGS, limit: LIMIT, env })
  onTestFinished(() => stage.close())
  const { fleet, holders } = stage
  await stage.fill()
  const { clients } = holders
  stage.watchRedis()
  const figures: Record<string, string> = {}
  let told = 0

  for (const number of [0, 1, 2]) {
    const node = fleet.nodes[number]!
    const before = holders.returns.length
    const had = new Set(stage.orgs.flatMap((org) => clients.of(org).filter(({ ws }) => ws.url.startsWith(node.url))))
      .size
    const stoppedAtMs = Date.now()
    node.kill('SIGTERM')
    const noticed = until(() => Date.now() - stoppedAtMs > NOTICE_MS)
    void noticed.then(() => {
      stage.urls = fleet.urls.filter((url) => url !== node.url)
    })
    const exit = await node.exited
    const exitAfterMs = Date.now() - stoppedAtMs
    await until(() => holders.connected === ORGS * LIMIT, { withinMs: 60_000, what: 'every client is connected again' })
    const returned = holders.returns.slice(before)
    const slowestMs = Math.max(...returned.map(({ backAtMs }) => backAtMs)) - stoppedAtMs
    told += returned.length
    figures[`node ${number + 1}: connections, exit, last client back (allowed: 15 s)`] =
      `${had}, ${seconds(exitAfterMs)}, ${seconds(slowestMs)}`
    expect(exit).toEqual({ code: 0, signal: null })
    expect(returned.length).toBe(had)
    expect(slowestMs).toBeLessThanOrEqual(DRAIN_MS + 5_000)
    await fleet.replace(number)
    stage.urls = fleet.urls
  }
  const looks = await stage.looks()
  const highest = Math.max(...stage.orgs.map((org) => clients.highest(org)))

  printFigures('Rolling restart of 3 nodes, 300 orgs at their limit, drain time 10 s', {
    ...figures,
    'most connections of an org open at once (allowed: 3)': highest,
    'most slots of an org in Redis at once (allowed: 3)': `${stage.highestInRedis} in ${looks} looks`,
    'answers to clients in all': listed(holders.answers),
  })
  expect(highest).toBe(LIMIT)
  expect(stage.highestInRedis).toBe(LIMIT)
  expect(told).toBe(clients.closedByServer.length)
  expect([...new Set(clients.closedByServer.map(({ code }) => code))]).toEqual([1012])
  await untilBooksAgree(fleet.books, clients)
}, 180_000)
