import type { Controls } from './controls.js'
import { type RunResult, Scenario } from './scenario.js'

/** A day is played again at most so often: some ten seconds. */
const MOST_RUNS = 400

/** What was broken, without the names and figures that change with the day. */
const kind = ({ violation = '' }: RunResult) => violation.split(/:| after| \d/)[0]

export interface Shortest {
  readonly result: RunResult
  /** Incidents of the whole day, and how often it was played. */
  readonly of: number
  readonly runs: number
}

/**
 * Plays a failed day again without some of its incidents, ever fewer at once (delta debugging), and keeps each change
 * after which the same promise is still broken. What is left needs, as far as that goes, every one of its incidents.
 */
export async function shrink(failed: RunResult, controls: Controls): Promise<Shortest> {
  const { seed } = failed
  const without = new Set<string>()
  let result = failed
  let runs = 0
  for (let size = Math.ceil(failed.incidents.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < result.incidents.length && runs < MOST_RUNS; runs++) {
      const attempt = new Set([...without, ...result.incidents.slice(from, from + size)])
      const shorter = await new Scenario(seed, controls, attempt).run()
      if (kind(shorter) === kind(failed) && shorter.incidents.length < result.incidents.length) {
        result = shorter
        for (const incident of attempt) without.add(incident)
      } else from += size
    }
  }
  return { result, of: failed.incidents.length, runs }
}
