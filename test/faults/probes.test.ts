import { expect, onTestFinished, test } from 'vitest'
import type { AdmissionRequest } from '../../src/core/admission.js'
import type { LimiterNode } from '../../src/node/limiter-node.js'
import { PATIENT, redisStore, startNodes } from '../support/cluster.js'
import { leakGate } from '../support/leak-gate.js'
import { freshPrefix, sharedRedisUrl } from '../support/redis.js'
import { until } from '../support/until.js'

leakGate()

/** More than a node tells with its renewals of a second, and in the order of names before any org. */
const DESKS: readonly AdmissionRequest[] = Array.from({ length: 300 }, (_, n) => ({
  org: 'mallory',
  scopes: [{ name: 'desk', id: `${n}`, limit: 1 }],
}))
const ACME: AdmissionRequest = { org: 'acme', limit: 1 }

test('an org that is refused for hundreds of scopes keeps no silent holder of another unasked (S5, L3)', async () => {
  const [prefix, stores] = [freshPrefix(), [] as { close(): Promise<void> }[]]
  const makeStore = () => {
    const store = redisStore(sharedRedisUrl(), prefix, PATIENT)
    stores.push(store)
    return store
  }
  const [owner, other] = (await startNodes(2, makeStore, {
    ...{ timing: PATIENT, connectionsPerOrg: 2 * DESKS.length },
  })) as [LimiterNode, LimiterNode]
  onTestFinished(async () => {
    await Promise.all([owner.abandon(), other.abandon()])
    await Promise.all(stores.map((store) => store.close()))
  })
  const admit = async (request: AdmissionRequest) => {
    const admission = await owner.admit(request)
    if (!admission.admitted) throw new Error(`refused: ${admission.code}`)
    return admission
  }
  await Promise.all(DESKS.map(admit))
  let isAsked = false
  const probe = async () => {
    isAsked = true
    return true
  }
  const holder = await admit(ACME)
  holder.watch({ isSilent: true, probe })
  let isOver = false
  const knock = async () => {
    while (!isOver) await Promise.all([...DESKS, ACME].map((request) => other.admit(request)))
  }
  const knocking = knock()
  await until(() => isAsked).finally(() => {
    isOver = true
  })
  await knocking
  expect(other.connections).toBe(0)
})
