import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** What takes longest, from a quarter of a minute up, most of it waiting for leases to end and for processes. */
export const LONGEST: readonly string[] = [
  'test/property/controls.test.ts',
  'test/faults/bucket-away.test.ts',
  'test/e2e/cli-doctor.test.ts',
  'test/e2e/probe.test.ts',
  'test/contract/redis-cluster.test.ts',
  'test/e2e/clients-hostile.test.ts',
  'test/e2e/cli-operators.test.ts',
  'test/e2e/dashboard-live.test.ts',
  'test/faults/store-faults.test.ts',
  'test/e2e/instance.test.ts',
  'test/e2e/admin-events.test.ts',
  'test/faults/redis-cluster.test.ts',
  'test/faults/store-away.test.ts',
  'test/e2e/dashboard.test.ts',
  'test/e2e/takeover.test.ts',
  'test/faults/clock.test.ts',
  'test/e2e/cli-doctor-redis.test.ts',
  'test/e2e/cli-doctor-books.test.ts',
  'test/e2e/lifecycle-death.test.ts',
  'test/e2e/wso2-gateway.test.ts',
  'test/e2e/cluster-moving-limit.test.ts',
  'test/faults/excess.test.ts',
  'test/e2e/library-holders.test.ts',
  'test/e2e/cli-explain.test.ts',
  'test/property/store.test.ts',
  'test/contract/redis-doors.test.ts',
  'test/e2e/cluster-store-loss.test.ts',
  'test/faults/leases.test.ts',
  'test/contract/redis-real-time.test.ts',
  'test/e2e/admin-hostile.test.ts',
  'test/e2e/identity-jwt.test.ts',
  'test/e2e/clients-floods.test.ts',
  'test/e2e/cli-keys.test.ts',
  'test/simulation/simulation.test.ts',
]

/**
 * Starts what takes longest first, so that no worker is left with it at the end. In a fresh clone the runner knows no
 * durations, and would start the largest files first.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const at = LONGEST.indexOf(relative(this.ctx.config.root, moduleId).replaceAll('\\', '/'))
      return at === -1 ? LONGEST.length : at
    }
    return (await super.sort(files)).sort((one, other) => place(one) - place(other))
  }
}
