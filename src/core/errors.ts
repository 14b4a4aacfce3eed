/**
 * Thrown for misuse and broken settings only. Refusals are values; operators' calls reject with `StoreUnavailable`.
 */
export class UsageError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.name = 'UsageError'
    this.code = code
  }
}
