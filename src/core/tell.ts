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
