/** Why there was no answer within `timeoutMs`. `fetch` says only that it failed; the cause says why. */
export function fetchFailure(error: unknown, timeoutMs: number): string {
  const { cause, name, message } = error as Error
  if (name === 'TimeoutError') return `no answer within ${timeoutMs / 1_000} s`
  const { code, message: why } = (cause ?? {}) as { code?: string; message?: string }
  return code === 'ECONNREFUSED' ? 'nobody listens there' : why || code || message
}
