import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/support/longest-first.js'

/** Tests wait for beats and leases more than they compute, so two share a core; more at once would only starve the nodes. */
const WORKERS = Math.min(4, 2 * availableParallelism())

/**
 * `vitest run` runs all but the soak tests; `vitest run --mode soak` runs those alone, with time to spare. `--mode mutants`
 * is for `npm run mutants:lua`, which runs tests against scripts with a mistake in them.
 * Tests share one Redis (see test/support/global-setup.ts) and keep apart by key prefix.
 */
export default defineConfig(({ mode }) => {
  const soak = mode === 'soak'
  return {
    test: {
      include: soak ? ['test/soak/**/*.test.ts'] : ['test/**/*.test.ts'],
      exclude: [...(soak ? [] : ['test/soak/**']), ...(mode === 'mutants' ? [] : ['test/mutation/**'])],
      globalSetup: ['test/support/global-setup.ts'],
      environment: 'node',
      // Every file has a process of its own, so that the leak gate can count what that process holds.
      pool: 'forks',
      maxWorkers: soak ? 1 : WORKERS,
      // Of the tests of a file that may run at the same time: each starts processes.
      maxConcurrency: 3,
      sequence: { sequencer: LongestFirst },
      testTimeout: soak ? 900_000 : 30_000,
      hookTimeout: 60_000,
      teardownTimeout: 20_000,
      retry: 0,
    },
  }
})
