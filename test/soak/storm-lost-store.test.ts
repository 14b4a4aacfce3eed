import { expect, onTestFinished, test } from 'vitest'
import { listed, printFigures, seconds, spread } from '../support/figures.js'
import { Herd } from '../support/herd.js'
import { leakGate } from '../support/leak-gate.js'
import { untilBooksAgree } from '../support/open-connections.js'
import { percentile, tally } from '../support/probe.js'
import { DEFAULT_MS, StormStage } from '../support/storm-stage.js'
import { until } from '../support/until.js'

leakGate()

const ORGS = 300
const LIMIT = 3
const WAITING = 2_000
/** Whoever waits asks again every 4 s or so, whatever it is told: 500 times a second. */
const HAMMER_MS = 4_000
const FREED = 60

test('R1: FLUSHALL with 300 orgs full on three nodes and 2,000 clients that hammer', async () => {
  const stage = await StormStage.open({ nodes: 3, orgs: ORGS, limit: LIMIT })
  onTestFinished(() => stage.close())
  const { fleet, holders } = stage
  await stage.fill()
  // Both kinds of clients in one book, so that an org that is over its limit shows.
  const { clients } = holders
  const patienceMs = () => HAMMER_MS * (0.5 + Math.random())
  const hammering = new Herd({ urls: () => stage.urls, patienceMs, clients })
  onTestFinished(() => hammering.stop())
  const waiting = Array.from({ length: WAITING }, (_, i) => stage.orgs[i % ORGS]!)
  for (const org of waiting) hammering.join(org, fleet.keyOf(org))
  const probe = await stage.probe({ everyMs: 10 })
  // What a node answers without asking anybody: as slow as the machine is.
  const control = await stage.probe({ everyMs: 30, path: '/nowhere' })
  await until(() => (hammering.answers.get('429 ORG_CONNECTION_LIMIT_EXCEEDED') ?? 0) > 2 * WAITING, {
    withinMs: 60_000,
    what: 'every client has been told that its org is full',
  })
  stage.watchRedis()

  const flushedAtMs = Date.now()
  await fleet.books.redis.flushall()
  const lostAtMs = Date.now()
  // Some slots become free meanwhile: exactly these are taken afterwards.
  holders.leave(stage.orgs.slice(0, FREED))
  const resumed = await until(
    () => {
      const first = [0, 1, 2].map((node) =>
        probe.answers(lostAtMs).find((one) => one.node === node && one.answer === '101'),
      )
      return first.every((one) => one !== undefined) && first
    },
    { withinMs: 30_000, what: 'every node admits again' },
  )
  const resumedAfterMs = Math.max(...resumed.map((one) => one!.askedAtMs + one!.tookMs)) - flushedAtMs
  await until(() => stage.orgs.every((org) => clients.count(org) === LIMIT), {
    withinMs: 60_000,
    what: 'every org is full',
  })
  const during = probe.answers(lostAtMs, flushedAtMs + resumedAfterMs)
  const machine = control.answers(lostAtMs, flushedAtMs + resumedAfterMs).map(({ tookMs }) => tookMs)
  const looks = await stage.looks()
  const highest = Math.max(...stage.orgs.map((org) => clients.highest(org)))

  printFigures('FLUSHALL, 3 nodes, 300 orgs full, 2,000 clients hammering', {
    'admissions resume on every node (allowed: 2R + 2 s = 8 s, and the p99 below)': seconds(resumedAfterMs),
    'an answer for which nobody is asked, median / p99 / max': spread(machine),
    'answers of a probe meanwhile': listed(tally(during)),
    'its latency, median / p99 / max': spread(during.map(({ tookMs }) => tookMs)),
    'live connections closed (allowed: 0)': clients.closedByServer.length,
    'most connections of an org open at once (allowed: 3)': highest,
    'most slots of an org in Redis at once (allowed: 3)': `${stage.highestInRedis} in ${looks} looks`,
    'slots freed meanwhile, taken afterwards': `${FREED}, ${hammering.connected}`,
    'answers to the crowd in all': listed(hammering.answers),
  })
  expect(clients.closedByServer).toEqual([])
  expect(hammering.connected).toBe(FREED)
  expect(highest).toBe(LIMIT)
  expect(stage.highestInRedis).toBeLessThanOrEqual(LIMIT)
  expect(looks).toBeGreaterThan(3)
  expect(resumedAfterMs).toBeLessThanOrEqual(2 * DEFAULT_MS.renewInterval + 2_000 + percentile(machine, 0.99))
  const honest = ['101', '429 ORG_CONNECTION_LIMIT_EXCEEDED', '503 RECOVERING', '503 STORE_UNAVAILABLE']
  expect([...hammering.answers.keys()].filter((answer) => !honest.includes(answer))).toEqual([])
  await probe.stop()
  await hammering.stop()
  await untilBooksAgree(fleet.books, clients)
}, 180_000)
