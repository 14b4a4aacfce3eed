import { UsageError } from './errors.js'

/**
 * Tells somebody of an event and waits for nothing. What `hear` throws goes to `failed`, and so does what it rejects
 * with where it is asynchronous: a rejection that nobody takes ends the process as well.
 */
export function tell<E>(hear: (event: E) => unknown, event: E, failed: (error: unknown, event: E) => void): void {
  try {
    const result = hear(event)
    if (isThenable(result)) result.then(undefined, (error: unknown) => failed(error, event))
  } catch (error) {
    failed(error, event)
  }
}

/** Promises of other libraries too. */
export function isThenable(result: unknown): result is PromiseLike<unknown> {
  return typeof (result as PromiseLike<unknown> | undefined)?.then === 'function'
}

/**
 * What a function of the embedding program has answered that is not waited for. Throws `INVALID_SETTINGS` for a promise: it
 * would be taken for a yes, and for a name, and where it rejects it would end the process.
 */
export function toldAtOnce<T>(answer: T, name: string): T {
  if (!isThenable(answer)) return answer
  answer.then(undefined, () => {})
  throw new UsageError('INVALID_SETTINGS', `${name} answers at once, with no promise`)
}
