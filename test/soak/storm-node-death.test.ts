import { expect, onTestFinished, test } from 'vitest'
import { listed, printFigures, seconds, spread } from '../support/figures.js'
import { leakGate } from '../support/leak-gate.js'
import { untilBooksAgree } from '../support/open-connections.js'
import { percentile, tally } from '../support/probe.js'
import { DEFAULT_MS, StormStage } from '../support/storm-stage.js'
import { until } from '../support/until.js'

leakGate()

const ORGS = 500
const LIMIT = 10

test('L2: a node dies with 5,000 connections that all come back at once over two others', async () => {
  const stage = await StormStage.open({ nodes: 3, orgs: ORGS, limit: LIMIT })
  onTestFinished(() => stage.close())
  const { fleet, holders } = stage
  const [doomed, ...others] = fleet.nodes
  await stage.fill([doomed!.url])
  const { clients } = holders
  stage.urls = others.map(({ url }) => url)
  const probe = await stage.probe({ urls: stage.urls, everyMs: 20 })
  await until(() => probe.answers().length > 100, { withinMs: 20_000 })
  const calm = probe.answers().map(({ tookMs }) => tookMs)
  stage.watchRedis()

  const diedAtMs = Date.now()
  doomed!.kill('SIGKILL')
  await until(() => holders.returns.length === ORGS * LIMIT, { withinMs: 90_000, what: 'all clients are back' })
  const looks = await stage.looks()
  const backAfterMs = holders.returns.map(({ backAtMs }) => backAtMs - diedAtMs)
  const lastMs = Math.max(...backAfterMs)
  const during = probe.answers(diedAtMs, diedAtMs + lastMs)
  const admitted = during.filter(({ answer }) => answer === '101')
  const highest = Math.max(...stage.orgs.map((org) => clients.highest(org)))

  printFigures('A node dies with 5,000 connections, which reconnect at once over two others', {
    'the last client is back after (allowed: T + 10 s = 25 s)': seconds(lastMs),
    'the first, the median': `${seconds(Math.min(...backAfterMs))}, ${seconds(percentile(backAfterMs, 0.5))}`,
    'admission by the others before it, median / p99 / max': spread(calm),
    'admission by the others meanwhile, median / p99 / max': spread(admitted.map(({ tookMs }) => tookMs)),
    'answers to the probe meanwhile': listed(tally(during)),
    'answers to the clients in all': listed(holders.answers),
    'attempts a client, on average': (
      holders.returns.reduce((sum, { attempts }) => sum + attempts, 0) / holders.returns.length
    ).toFixed(1),
    'most connections of an org open at once (allowed: 10)': highest,
    'most slots of an org in Redis, the dead included until swept': `${stage.highestInRedis} in ${looks} looks`,
  })
  expect(highest).toBe(LIMIT)
  await untilBooksAgree(fleet.books, clients, 20_000)
  for (const org of stage.orgs) expect(clients.count(org), org).toBe(LIMIT)
  expect(clients.closedByServer).toHaveLength(ORGS * LIMIT)
  expect(lastMs).toBeLessThanOrEqual(DEFAULT_MS.ttl + 10_000)
}, 180_000)
