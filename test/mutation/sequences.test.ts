import { Redis } from 'ioredis'
import { test } from 'vitest'
import { checkSequences } from '../property/run.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { redisBench } from '../support/store-bench.js'
import { done } from '../support/store-node.js'
import { type Fate, mutantsToJudge, tellFate } from './mutants.js'

/**
 * The property suite, mutant by mutant in one process: most die within a few sequences of calls, which takes less time
 * than starting a process for each. The seed is fixed, so that a mutant that dies today dies tomorrow.
 *
 *   HEADCOUNT_RUNS   sequences a mutant
 */
const NUM_RUNS = Number(process.env.HEADCOUNT_RUNS)

/** Each has a Redis of its own: a script that never ends takes it along. */
async function fateOf(script: string): Promise<Fate> {
  const redis = await startRedis()
  try {
    return (await compiles(redis, script)) ? await fateOver(redis, script) : 'stillborn'
  } finally {
    await redis.stop()
  }
}

async function fateOver({ url }: TestRedis, script: string): Promise<Fate> {
  const bench = await redisBench({ url, recovery: true, script })
  bench.redis.on('error', () => {})
  try {
    const connection = done(await bench.store.connect())
    const judges = { twin: true, ledger: true }
    await checkSequences(bench, connection, judges, { seed: 1, numRuns: NUM_RUNS, endOnFailure: true })
    return 'survived'
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('Property failed')) return 'killed'
    throw error
  } finally {
    await bench.close().catch(endless)
  }
}

function endless(error: Error): void {
  if (!error.message.startsWith('BUSY')) throw error
}

async function compiles({ url }: TestRedis, script: string): Promise<boolean> {
  const client = new Redis(url)
  const answer = await client.script('LOAD', script).catch((error: Error) => error)
  client.disconnect()
  if (answer instanceof Error && !answer.message.includes('Error compiling script')) throw answer
  return typeof answer === 'string'
}

test('random sequences of calls', { timeout: 36_000_000 }, async () => {
  for (const { id, script } of mutantsToJudge()) tellFate(id, await fateOf(script))
})
