import { UsageError } from './errors.js'

/** Ids that end up in key names and sorted sets: any text of 1 to 256 UTF-16 units that survives UTF-8. */
const MAX_LENGTH = 256

/** What is wrong with an org, gateway or instance id, or `undefined` if it is sound. */
export function idProblem(id: unknown): string | undefined {
  if (typeof id !== 'string') return 'must be text'
  if (id.length === 0) return 'must not be empty'
  if (id.length > MAX_LENGTH) return `must have at most ${MAX_LENGTH} characters, it has ${id.length}`
  // URLs take these two for a way, not a name, even percent-encoded: the admin API could not speak of such an org.
  if (id === '.' || id === '..') return 'must not be "." or ".."'
  // A lone surrogate has no UTF-8 form: two different ids would become one.
  if (/\p{Surrogate}/u.test(id)) return 'must not contain a lone surrogate'
  return undefined
}

/** Throws `INVALID_ORG` for what no org can be called. */
export function checkOrg(org: unknown): asserts org is string {
  const problem = idProblem(org)
  if (problem !== undefined) throw new UsageError('INVALID_ORG', `the org id ${problem}`)
}

/** Throws `INVALID_SCOPES` for what nothing can be called that is kept beside an org; `what` says which it is. */
export function checkName(what: string, name: unknown): asserts name is string {
  const problem = idProblem(name)
  if (problem !== undefined) throw new UsageError('INVALID_SCOPES', `the ${what} ${problem}`)
}
