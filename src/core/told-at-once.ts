import { UsageError } from './errors.js'
import { isThenable } from './tell.js'

/**
 * What a function of the embedding program has answered that is not waited for. Throws `INVALID_SETTINGS` for a promise: it
 * would be taken for a yes, and for a name, and where it rejects it would end the process.
 */
export function toldAtOnce<T>(answer: T, name: string): T {
  if (!isThenable(answer)) return answer
  answer.then(undefined, () => {})
  throw new UsageError('INVALID_SETTINGS', `${name} answers at once, with no promise`)
}
