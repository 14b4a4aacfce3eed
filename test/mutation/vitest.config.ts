import { defineConfig } from 'vitest/config'

/** The tests with which `npm run mutants` looks at mistakes in src: all that need no process of their own. */
export default defineConfig({
  test: {
    include: [
      'test/mutation/days.test.ts',
      'test/mutation/twin.test.ts',
      'test/mutation/twin-and-redis.test.ts',
      'test/unit/{bucketed-node,bucketed-store,census,claims,client-address,clock,details,durations,eviction-watch,held-connections,ids,lease-timing,memory-store,node-*,parse-json,resume-tokens}.test.ts',
      'test/unit/{core-words,deadlines,ending,limit-terms,line,ping-wheel,retry-after,tell-when-reached,tiers}.test.ts',
    ],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
})
