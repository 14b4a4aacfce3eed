import { UsageError } from '../../src/core/errors.js'

/** The code with which misuse is refused; `undefined` where it is not, and what else is thrown as text. */
export function codeOf(work: () => unknown): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return error instanceof UsageError ? error.code : String(error)
  }
}
