import { describe, expect, it } from 'vitest'
import { CONTROLS, type Controls } from './controls.js'
import { type RunResult, Scenario } from './scenario.js'

const RUNS = Number(process.env.HEADCOUNT_SIMULATIONS ?? 60)
const SEED = process.env.SEED === undefined ? undefined : Number(process.env.SEED)

function simulate(seed: number, controls: Controls = {}): Promise<RunResult> {
  return new Scenario(seed, controls).run(seed)
}

describe('many nodes in virtual time', () => {
  it(`keeps its promises through ${SEED ?? `${RUNS} bad days`}`, { timeout: 3_600_000 }, async () => {
    const seeds = SEED === undefined ? Array.from({ length: RUNS }, (_, i) => i + 1) : [SEED]
    for (const seed of seeds) {
      const { violations, history } = await simulate(seed)
      if (violations.length > 0) {
        expect.fail(
          `replay with SEED=${seed}\n${history.slice(-80).join('\n')}\n\n${violations.slice(0, 10).join('\n')}`,
        )
      }
    }
  })

  it('replays a seed to the letter', async () => {
    const [one, other] = [await simulate(7), await simulate(7)]
    expect(other.history).toEqual(one.history)
    expect(other.admissions).toBe(one.admissions)
  })

  it.each(CONTROLS)('catches %s', { timeout: 600_000 }, async (control) => {
    for (let seed = 1; seed <= 500; seed++) {
      if ((await simulate(seed, { [control]: true })).violations.length > 0) return
    }
    expect.fail(`500 bad days without ${control} went by unnoticed`)
  })
})
