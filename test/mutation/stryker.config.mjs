/**
 * `npm run mutants`: one mistake at a time in the lease protocol's TypeScript. All at once takes hours; a folder or a file
 * at a time does not: `npm run mutants -- --mutate 'src/store/memory/*.ts'`.
 *
 * @type {import('@stryker-mutator/api/core').PartialStrykerOptions}
 */
export default {
  mutate: [
    'src/store/memory/*.ts',
    'src/node/**/*.ts',
    'src/core/**/*.ts',
    // Small pieces of it that stand with whoever alone needs them.
    'src/{store/eviction-policy,store/redis/key-prefix,limiter/by-lease,limiter/utilisation,identity/in-pieces}.ts',
  ],
  // A wrong word where the types allow only some does not compile, and the texts of messages are not promised.
  mutator: { excludedMutations: ['StringLiteral'] },
  testRunner: 'vitest',
  vitest: { configFile: 'test/mutation/vitest.config.ts', related: false },
  plugins: ['@stryker-mutator/vitest-runner'],
  coverageAnalysis: 'perTest',
  ignoreStatic: true,
  concurrency: 2,
  timeoutMS: 20_000,
  timeoutFactor: 3,
  // The package that would read it has no API in this version of TypeScript.
  tsconfigFile: 'none',
  ignorePatterns: ['/dist', '/coverage', '/chaos', '/bench', '/dashboard', '/examples', '/docs'],
  tempDirName: 'coverage/stryker',
  incremental: true,
  incrementalFile: 'coverage/mutants.json',
  reporters: ['clear-text', 'progress-append-only', 'json'],
  jsonReporter: { fileName: 'coverage/mutants-report.json' },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false, reportMutants: true },
  allowEmpty: false,
}
