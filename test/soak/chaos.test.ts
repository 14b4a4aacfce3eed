import { describe, expect, test } from 'vitest'
import { check } from '../../chaos/checker/check.js'
import { allFaults } from '../../chaos/faults/all.js'
import { type RunOptions, run } from '../../chaos/run.js'
import { FAST, SHIPPED } from '../../chaos/terms.js'
import { brokenServer } from '../support/broken-build.js'
import { BROKEN } from '../support/broken-on-purpose.js'

const BUILT = new URL('../../dist/server/main.js', import.meta.url).pathname

async function promisesBroken(options: Partial<RunOptions>): Promise<string[]> {
  const { header, records } = await run({
    ...{ minutes: 0.3, seed: 11, nodes: 3, clients: 90, orgs: 15, terms: FAST, script: BUILT },
    ...options,
  })
  const { findings } = check(header, records)
  return findings.map(({ promise, what }) => `${promise}: ${what}`)
}

const CLOSE = { ...FAST, onLeaseLost: 'close' } as const

const faultsNamed = (words: string) => allFaults.filter(({ name }) => name.includes(words))

describe('chaos', () => {
  test('every promise is kept through each fault (S1, L1–L6, R1–R3, R5)', async () => {
    expect(await promisesBroken({ minutes: 5, clients: 200, orgs: 25 })).toEqual([])
  })

  test('every promise is kept while sentinels replace the primary, and nodes come and go (S1, L1–L6, R1, R2)', async () => {
    expect(await promisesBroken({ minutes: 4, clients: 200, orgs: 25, redis: 'sentinel' })).toEqual([])
  })

  test('every promise is kept for each org while parts of a Redis Cluster are lost, and nodes come and go (S1, S5, L1–L6, R1, R2)', async () => {
    expect(await promisesBroken({ minutes: 4, clients: 200, orgs: 25, redis: 'cluster' })).toEqual([])
  })

  test('every promise is kept to clients that name their instance (S1, S6, L3, and all of the above)', async () => {
    expect(await promisesBroken({ minutes: 4, clients: 200, orgs: 25, instances: true })).toEqual([])
  })

  test('every promise is kept where nodes close what they hold once they do not trust their lease (S1, S7, R1, R5, and all of the above)', async () => {
    expect(await promisesBroken({ minutes: 5, clients: 200, orgs: 25, terms: CLOSE })).toEqual([])
  })

  test('control: a node that does not close although it was told to is found out', async () => {
    const script = brokenServer(...BROKEN.doesNotClose)
    const faults = faultsNamed('black hole) for longer')
    const found = await promisesBroken({ script, minutes: 0.5, terms: CLOSE, faults })
    expect(found.filter((finding) => finding.startsWith('S7: #')).length).toBeGreaterThan(0)
    expect(found.filter((finding) => finding.startsWith('S1: org-')).length).toBeGreaterThan(0)
  })

  test('control: a lost store that does not wait until who is cut off has closed is found out', async () => {
    const script = brokenServer(...BROKEN.doesNotWaitForWhoIsCutOff)
    const terms = { ...SHIPPED, onLeaseLost: 'close' } as const
    const found = await promisesBroken({ script, minutes: 1.5, terms, faults: faultsNamed('FLUSHALL meanwhile') })
    expect(found.filter((finding) => /^S1: org-|^R1: a store/.test(finding)).length).toBeGreaterThan(0)
  })

  test('control: a node that asks an old connection only once it is silent is found out', async () => {
    const script = brokenServer(...BROKEN.asksTheSilentOnly)
    const faults = faultsNamed('SCRIPT FLUSH')
    const found = await promisesBroken({ script, minutes: 1, clients: 200, instances: true, faults })
    expect(found.filter((finding) => /^L3: .*for its own/.test(finding)).length).toBeGreaterThan(0)
  })

  test('control: a script that admits one too many is found out', async () => {
    const script = brokenServer(...BROKEN.admitsOneTooMany)
    const found = await promisesBroken({ script, faults: faultsNamed('SCRIPT FLUSH') })
    expect(found.filter((finding) => finding.startsWith('S1: org-')).length).toBeGreaterThan(0)
  })

  test('control: nodes that share nothing are found out', async () => {
    const found = await promisesBroken({ apart: true, faults: faultsNamed('SCRIPT FLUSH') })
    expect(found.filter((finding) => finding.startsWith('S1: org-')).length).toBeGreaterThan(0)
  })

  test('control: a node that never gives a slot back is found out', async () => {
    const script = brokenServer(...BROKEN.givesNothingBack)
    const found = await promisesBroken({ script, minutes: 0.5, faults: faultsNamed('SCRIPT FLUSH') })
    expect(found.filter((finding) => /^(L1|S6|L5):/.test(finding)).length).toBeGreaterThan(0)
  })

  test('control: a script that counts the old connection of who comes back with its token is found out', async () => {
    const script = brokenServer(...BROKEN.countsWhoIsReplaced)
    const found = await promisesBroken({ script, minutes: 0.5, faults: faultsNamed('SCRIPT FLUSH') })
    expect(found.filter((finding) => /^(S6|L1|L3): .* was refused with/.test(finding)).length).toBeGreaterThan(0)
  })

  test('control: a node that is not told to close what was taken over is found out', async () => {
    const script = brokenServer(...BROKEN.doesNotTellWhoIsReplaced)
    const found = await promisesBroken({ script, minutes: 0.5, clients: 200, faults: faultsNamed('SCRIPT FLUSH') })
    expect(found.filter((finding) => finding.startsWith('L2: #')).length).toBeGreaterThan(0)
  })

  test('control: a node that does not ask who came back whether it heard is found out', async () => {
    const script = brokenServer(...BROKEN.doesNotAskWhoCameBack)
    const faults = faultsNamed('SCRIPT FLUSH')
    const found = await promisesBroken({ script, minutes: 2, seed: 13, clients: 250, terms: SHIPPED, faults })
    expect(found.filter((finding) => finding.startsWith('L3: #')).length).toBeGreaterThan(0)
  })
})
