import { afterEach, beforeEach, describe } from 'vitest'
import { leakGate } from '../support/leak-gate.js'
import type { BenchOptions, StoreBench } from '../support/store-bench.js'
import { admissionTests } from './admission.js'
import { auditTests } from './audit.js'
import { fenceTests } from './fence.js'
import { helloTests } from './hello.js'
import { hostileTests } from './hostile.js'
import { inspectorTests } from './inspector.js'
import { journalTests } from './journal.js'
import { lifeTests } from './life.js'
import { occupancyTests } from './occupancy.js'
import { orderTests } from './orders.js'
import { overrideTests, restoreTests } from './overrides.js'
import { probeTests } from './probes.js'
import { reassertTests } from './reassert.js'
import { recoveryTests } from './recovery.js'
import { releaseTests } from './release.js'
import { rememberedTests } from './remembered.js'
import { scopeTests } from './scopes.js'
import { takeoverTests } from './takeover.js'

export type MakeBench = (options?: BenchOptions) => Promise<StoreBench>

/** Gives each test a bench of its own. `recovery` says whether admissions wait after a store without memory. */
export type BenchOf = () => StoreBench

/** What every keeper of the contract in src/store/lease-store.ts promises. */
export function contractSuite(name: string, make: MakeBench): void {
  describe(name, () => {
    leakGate()
    for (const [recovery, suites] of [
      [
        false,
        [
          admissionTests,
          scopeTests,
          releaseTests,
          occupancyTests,
          lifeTests,
          hostileTests,
          inspectorTests,
          journalTests,
          auditTests,
          overrideTests,
          orderTests,
          takeoverTests,
          probeTests,
        ],
      ],
      [true, [helloTests, fenceTests, reassertTests, recoveryTests, restoreTests, rememberedTests]],
    ] as const) {
      describe(recovery ? 'a store that recovers' : 'a store that is ready', () => {
        let bench: StoreBench
        beforeEach(async () => {
          bench = await make({ recovery })
        })
        afterEach(() => bench.close())
        for (const suite of suites) suite(() => bench)
      })
    }
  })
}
