import { appendFileSync, readFileSync } from 'node:fs'

/** Killed by a test, survived all of these, or no script at all, because Redis cannot compile it. */
export type Fate = 'killed' | 'survived' | 'stillborn'

export interface LuaMutant {
  readonly id: string
  readonly script: string
}

/**
 * What `npm run mutants:lua` asks of a test file, and is told.
 *
 *   HEADCOUNT_MUTANTS    a file with a mutant a line, as JSON
 *   HEADCOUNT_VERDICTS   a file to which a verdict a line is added: JSON with `id` and `fate`
 */
export function mutantsToJudge(): LuaMutant[] {
  const { HEADCOUNT_MUTANTS } = process.env
  if (!HEADCOUNT_MUTANTS) throw new Error('this is not run by itself: npm run mutants:lua')
  const lines = readFileSync(HEADCOUNT_MUTANTS, 'utf8').trim().split('\n')
  return lines.map((line) => JSON.parse(line) as LuaMutant)
}

export function tellFate(id: string, fate: Fate): void {
  appendFileSync(process.env.HEADCOUNT_VERDICTS ?? '', `${JSON.stringify({ id, fate })}\n`)
}
