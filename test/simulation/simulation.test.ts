import { describe, expect, it } from 'vitest'
import { CONTROLS, type Controls } from './controls.js'
import { type RunResult, Scenario } from './scenario.js'
import { shrink } from './shrink.js'

const RUNS = Number(process.env.HEADCOUNT_SIMULATIONS ?? 60)
const SEED = process.env.SEED === undefined ? undefined : Number(process.env.SEED)

const simulate = (seed: number, controls: Controls = {}): Promise<RunResult> => new Scenario(seed, controls).run()

/** The first of the days 1 to `days` on which a promise is broken. */
async function firstFailure(days: number, controls: Controls): Promise<RunResult | undefined> {
  for (let seed = 1; seed <= days; seed++) {
    const result = await simulate(seed, controls)
    if (result.violation !== undefined) return result
  }
  return undefined
}

async function report(failed: RunResult, controls: Controls = {}): Promise<string> {
  const { result, of, runs } = await shrink(failed, controls)
  const shortest = `the shortest history that breaks it: ${result.incidents.length} of ${of} incidents (${runs} runs)`
  return [`replay with SEED=${failed.seed}`, failed.violation, '', shortest, ...result.history].join('\n')
}

describe('many nodes in virtual time', () => {
  it(`keeps its promises through ${SEED === undefined ? `${RUNS} bad days` : `day ${SEED}`}`, {
    timeout: 3_600_000,
  }, async () => {
    const failed =
      SEED === undefined ? await firstFailure(RUNS, {}) : await simulate(SEED).then((day) => day.violation && day)
    if (failed) expect.fail(await report(failed))
  })

  it('replays a seed to the letter', async () => {
    const [one, other] = [await simulate(7), await simulate(7)]
    expect(other.history).toEqual(one.history)
    expect(other.admissions).toBe(one.admissions)
  })

  it.each(CONTROLS)('catches %s', { timeout: 600_000 }, async (control) => {
    expect(await firstFailure(500, { [control]: true }), `500 bad days without ${control}`).toBeDefined()
  })

  it('finds the few incidents that matter', { timeout: 600_000 }, async () => {
    const failed = (await firstFailure(500, { renewReadds: true })) as RunResult
    const { result, of } = await shrink(failed, { renewReadds: true })
    expect(result.violation?.slice(0, 2)).toBe(failed.violation?.slice(0, 2))
    expect(result.incidents.length).toBeLessThan(of / 10)
    expect(result.history.at(-1)).toContain('VIOLATED')
  })
})
