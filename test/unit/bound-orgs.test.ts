import { beforeEach, describe, expect, test } from 'vitest'
import { fullestOrg, orgsOverLimit } from '../../src/cli/cluster/bound-orgs.js'
import type { Org, Source } from '../../src/cli/cluster/source.js'

/** What the node that is asked compares with where no operator has set a limit. */
const DEFAULT = 3

interface Real {
  readonly holds: number
  /** Set by an operator. */
  readonly override?: number
  readonly tier?: number
  /** With which the holders came; those that are left out came without one. */
  readonly limits?: readonly number[]
}

let looked: string[]
let real: Record<string, Real>

beforeEach(() => {
  looked = []
  real = {}
})

const source = {
  async limits(orgId: string) {
    looked.push(orgId)
    const { holds, override, tier } = real[orgId]!
    const set = (limit?: number) => (limit === undefined ? null : { limit })
    const maxAllowed = override ?? tier ?? DEFAULT
    return { orgId, currentCount: holds, maxAllowed, override: set(override), assignedTier: set(tier) }
  },
  async holders(orgId: string) {
    const { holds, limits = [] } = real[orgId]!
    const connections = Array.from({ length: holds }, (_, i) => ({ ...(limits[i] && { limit: limits[i] }) }))
    return { connections, truncated: false }
  },
} as unknown as Source

/** As a node lists them. */
function listed(): Org[] {
  return Object.entries(real).map(([orgId, { holds, override, tier }]) => {
    const maxAllowed = override ?? tier ?? DEFAULT
    return { orgId, currentCount: holds, maxAllowed, ...(holds > maxAllowed && { excess: holds - maxAllowed }) }
  })
}

const came = (holds: number, limit: number): Real => ({ holds, limits: Array.from({ length: holds }, () => limit) })

describe('orgs that hold more than they may', () => {
  test('are those above what an operator has set, or above the highest limit that a holder came with', async () => {
    real = {
      ...{ overridden: { holds: 5, override: 4 }, tiered: { holds: 5, tier: 4 } },
      ...{ within: came(90, 100), above: { holds: 6, limits: [4, 5, 4, 4, 4, 4] } },
      ...{
        raised: { holds: 4, limits: [3, 3, 3, 100] },
        unlimited: { holds: 4, limits: [3, 3, 3] },
        few: { holds: 1 },
      },
    }
    const { over, unseen } = await orgsOverLimit(source, listed())
    expect(unseen).toBe(0)
    expect(over.sort((one, other) => (one.orgId < other.orgId ? -1 : 1))).toEqual([
      { orgId: 'above', currentCount: 6, maxAllowed: 5 },
      { orgId: 'overridden', currentCount: 5, maxAllowed: 4 },
      { orgId: 'tiered', currentCount: 5, maxAllowed: 4 },
    ])
    expect(looked).not.toContain('few')
  })

  test('S5: of very many that seem to, 20 are looked at, the fullest first, and the others are counted', async () => {
    for (let n = 1; n <= 33; n++) real[`org-${n}`] = came(DEFAULT + n, 1_000)
    expect(await orgsOverLimit(source, listed())).toEqual({ over: [], unseen: 13 })
    expect(looked).toEqual(Array.from({ length: 20 }, (_, n) => `org-${33 - n}`))
  })
})

describe('the fullest org', () => {
  test('is found by what binds it, though others seem fuller, and no more are looked at than that takes', async () => {
    real = { much: came(90, 100), half: came(50, 100), full: { holds: 2, override: 2 }, less: came(1, 1) }
    expect(await fullestOrg(source, listed())).toEqual({
      ...{ fullest: { orgId: 'full', currentCount: 2, maxAllowed: 2 }, unseen: 0 },
    })
    expect(looked).toEqual(['much', 'half', 'full'])
  })

  test('S5: of very many that seem fuller 20 are looked at, and the others are counted', async () => {
    for (let n = 1; n <= 33; n++) real[`org-${n}`] = came(DEFAULT + n, 1_000)
    real.idle = { holds: 0, override: 5 }
    expect(await fullestOrg(source, listed())).toEqual({
      ...{ fullest: { orgId: 'org-33', currentCount: 36, maxAllowed: 1_000 }, unseen: 13 },
    })
    expect(looked).toHaveLength(20)
  })

  test('there may be none, or one without a limit', async () => {
    expect(await fullestOrg(source, [])).toEqual({ fullest: undefined, unseen: 0 })
    real = { free: { holds: 4 } }
    expect((await fullestOrg(source, listed())).fullest).toMatchObject({ maxAllowed: 'unlimited' })
  })
})
