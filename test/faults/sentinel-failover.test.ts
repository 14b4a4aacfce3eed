import { expect, onTestFinished, test } from 'vitest'
import { createLimiter } from '../../src/index.js'
import { AdmissionLoad } from '../support/admission-load.js'
import {
  highestOf,
  LIMIT,
  startTrial,
  untilAdmitted,
  untilExact,
  untilFull,
  untilPromoted,
} from '../support/failover.js'
import { leakGate } from '../support/leak-gate.js'
import { startSentinelSet } from '../support/sentinel-set.js'
import { until } from '../support/until.js'

leakGate()

/** The other ways in which a primary may go are in test/soak/sentinel.test.ts. */
test('R1: the primary is killed under load: nobody is closed, no org exceeds its limit, the sets are exact again', async () => {
  const set = await startSentinelSet()
  onTestFinished(() => set.stop())
  const trial = await startTrial([set.url, set.url, set.url])
  await untilFull(trial)
  const former = await set.primary()
  await former.kill()
  const primary = await untilPromoted(set, former)
  await untilAdmitted(trial, 50)
  await trial.load.freeze()
  await untilExact(trial, trial.booksOf(set.urlOf(primary)))
  expect(trial.load.kicked).toBe(0)
  expect(highestOf(trial)).toBe(LIMIT)
  // Nobody who was refused meanwhile was told that it was the org's fault, or the client's.
  const honest = ['admitted', 'ORG_CONNECTION_LIMIT_EXCEEDED', 'STORE_UNAVAILABLE', 'RECOVERING']
  expect([...trial.load.answers.keys()].filter((answer) => !honest.includes(answer))).toEqual([])
}, 90_000)

test('control: the clients’ books see an excess where nodes share no store', async () => {
  const limiters = [createLimiter({ limits: { org: LIMIT } }), createLimiter({ limits: { org: LIMIT } })]
  onTestFinished(async () => void (await Promise.all(limiters.map((limiter) => limiter.drain({ withinMs: 1_000 })))))
  await Promise.all(limiters.map((limiter) => limiter.ready()))
  const load = new AdmissionLoad({ limiters, orgs: ['acme'], perSecond: 500, stayMs: 4_000 })
  onTestFinished(() => load.stop())
  await until(() => (load.highest.get('acme') ?? 0) > LIMIT, { withinMs: 15_000, what: 'the books see it' })
})
