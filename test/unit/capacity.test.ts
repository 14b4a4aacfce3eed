import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Asked, type Capacity, capacityOf, TARGET_SHARE } from '../../src/cli/size/capacity.js'
import { constants } from '../../src/cli/size/capacity-constants.js'

const sized = (asked: Asked): Capacity => {
  const capacity = capacityOf(asked)
  if (capacity === undefined) throw new Error('renewals alone are too much')
  return capacity
}

const cluster = fc
  .record({ connections: fc.integer({ min: 1, max: 1e8 }), each: fc.integer({ min: 1, max: 1e4 }), churn: fc.nat(4e5) })
  .map(({ connections, each, churn }) => ({
    ...{ connections, orgs: Math.max(1, Math.floor(connections / each)), churnPerSecond: churn },
  }))

describe('what a cluster takes', () => {
  test('is what its parts take, worked out by hand', () => {
    const { redis, nodes } = sized({ orgs: 1_000, connections: 3_000, churnPerSecond: 100, nodes: 6 })
    const { pairUs, auditUs, renewalUs } = constants
    expect(redis.cpu.admissions).toBeCloseTo((100 * pairUs) / 1e6, 12)
    // Every 30 s each connection is audited, and every 3 s each of six nodes renews.
    expect(redis.cpu.audits).toBeCloseTo((100 * auditUs) / 1e6, 12)
    expect(redis.cpu.renewals).toBeCloseTo((2 * renewalUs) / 1e6, 12)
    expect(redis.cpuShare).toBeCloseTo(redis.cpu.admissions + redis.cpu.audits + redis.cpu.renewals, 12)
    expect(redis.renewalsPerSecond).toBe(2)
    expect(redis.memoryBytes).toBe(
      3_000 * (constants.entryBytes + constants.smallSetMemberBytes) + 1_000 * constants.smallSetBytes,
    )
    const { pairInBytes, renewalInBytes, auditInBytes } = constants
    expect(redis.receivesBitsPerSecond).toBe(8 * (100 * pairInBytes + 2 * renewalInBytes + 100 * auditInBytes))
    const { pairOutBytes, renewalOutBytes, auditOutBytes } = constants
    expect(redis.sendsBitsPerSecond).toBe(8 * (100 * pairOutBytes + 2 * renewalOutBytes + 100 * auditOutBytes))
    expect(nodes).toEqual({
      ...{ count: 6, needed: 2, connectionsEach: 500, upgradesPerSecondEach: 100 / 6 },
      memoryBytesEach: constants.nodeMebibytes * 2 ** 20 + 500 * constants.nodeConnectionKibibytes * 2 ** 10,
    })
  })

  test('has one primary until the target is reached, and then another', () => {
    const churn = (share: number) => (1e6 * share) / constants.pairUs
    const at = (share: number) => sized({ orgs: 1, connections: 1, churnPerSecond: churn(share), nodes: 1 }).redis
    expect(at(TARGET_SHARE * 0.99)).toMatchObject({ primaries: 1 })
    expect(at(TARGET_SHARE * 1.01)).toMatchObject({ primaries: 2, buckets: 16 })
    expect(at(TARGET_SHARE * 1.01).busiestShare).toBeLessThan(TARGET_SHARE * 0.51)
    // A primary bears three of the 16 buckets then, so it takes six.
    expect(at(TARGET_SHARE * 5)).toMatchObject({ primaries: 6, buckets: 16 })
    expect(at(TARGET_SHARE * 17)).toMatchObject({ primaries: 32, buckets: 32 })
  })

  test('needs nodes for whatever is more, sockets or upgrades, and one that may die', () => {
    const { nodeConnections, nodeUpgradeUs } = constants
    const asked = { orgs: 1, connections: 7 * nodeConnections, churnPerSecond: 0 }
    expect(sized(asked).nodes.needed).toBe(11)
    expect(sized({ ...asked, churnPerSecond: 12e6 / nodeUpgradeUs }).nodes.needed).toBe(25)
  })

  test('has dearer sets where these have left their compact form', () => {
    const bytesOf = (each: number) => sized({ orgs: 1, connections: each, churnPerSecond: 0 }).redis.memoryBytes / each
    const { entryBytes, largeSetMemberBytes, smallSetMembers } = constants
    expect(bytesOf(smallSetMembers + 1)).toBe(entryBytes + largeSetMemberBytes)
    expect(bytesOf(smallSetMembers)).toBeLessThan(bytesOf(smallSetMembers + 1))
    expect(bytesOf(50)).toBeLessThan(bytesOf(3))
  })

  test('no primary is ever busier than the target, and one fewer would be', () => {
    fc.assert(
      fc.property(cluster, (asked) => {
        const { primaries, buckets, busiestShare, cpuShare } = sized(asked).redis
        expect(busiestShare).toBeLessThanOrEqual(TARGET_SHARE + 1e-9)
        expect(busiestShare * primaries).toBeGreaterThanOrEqual(cpuShare - 1e-9)
        if (primaries === 1) return
        expect((cpuShare / buckets) * Math.ceil(buckets / (primaries - 1))).toBeGreaterThan(TARGET_SHARE - 1e-9)
      }),
    )
  })

  test('is never less for more', () => {
    const more = fc.tuple(cluster, fc.constantFrom('connections' as const, 'churnPerSecond' as const), fc.nat(4e5))
    fc.assert(
      fc.property(more, ([asked, what, by]) => {
        const [less, more] = [sized(asked), sized({ ...asked, [what]: asked[what] + by })]
        expect(more.redis.cpuShare).toBeGreaterThanOrEqual(less.redis.cpuShare)
        expect(more.redis.primaries).toBeGreaterThanOrEqual(less.redis.primaries)
        expect(more.nodes.needed).toBeGreaterThanOrEqual(less.nodes.needed)
      }),
    )
  })

  test('has every node renew in every bucket', () => {
    const one = sized({ orgs: 1, connections: 1, churnPerSecond: 0, nodes: 30 }).redis
    expect(one).toMatchObject({ buckets: 1, renewalsPerSecond: 10 })
    const many = sized({ orgs: 1, connections: 1, churnPerSecond: 1e6 / constants.pairUs, nodes: 30 }).redis
    expect(many).toMatchObject({ buckets: 16, renewalsPerSecond: 160 })
  })

  test('is unknown where no number of buckets is enough', () => {
    const nodes = Math.ceil((TARGET_SHARE * 1e6 * constants.renewIntervalS) / constants.renewalUs)
    expect(capacityOf({ orgs: 1, connections: 1, churnPerSecond: 0, nodes })).toBeUndefined()
    expect(capacityOf({ orgs: 1, connections: 1, churnPerSecond: 0, nodes: nodes - 2 })).toBeDefined()
  })
})
