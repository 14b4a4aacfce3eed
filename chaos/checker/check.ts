import type { ChaosRecord, RunHeader } from '../records.js'
import { answers } from './answers.js'
import { closings } from './closings.js'
import { comebacks } from './comebacks.js'
import { endings } from './endings.js'
import { exactness } from './exactness.js'
import type { Verdict } from './findings.js'
import { freeing } from './freeing.js'
import { attemptsOf } from './history.js'
import { Limits } from './limits.js'
import { scopesOf } from './scopes.js'
import { Surroundings } from './surroundings.js'
import { takeovers } from './takeovers.js'
import { trust } from './trust.js'

/**
 * Decides from the records of a run alone whether the promises were kept. It shares no code with the product and asks
 * nothing of it: what clients saw, what was done to the cluster, and the numbers of the promises are all it knows.
 */
export function check({ orgs, terms }: Pick<RunHeader, 'orgs' | 'terms'>, records: readonly ChaosRecord[]): Verdict {
  const attempts = attemptsOf(records)
  const around = new Surroundings(records, terms)
  const scopes = scopesOf(attempts, new Limits(records, orgs, terms), around)
  const parts = [
    exactness(scopes),
    freeing(scopes),
    answers(attempts, around),
    comebacks(scopes),
    closings(attempts, around),
    takeovers(attempts, around),
    trust(attempts, around),
    endings(records, attempts, around),
  ]
  const findings = parts.flatMap((part) => part.findings).sort((a, b) => a.t - b.t)
  return { findings, figures: parts.flatMap((part) => part.figures) }
}
