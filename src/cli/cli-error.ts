/** Why a command cannot be carried out, and what to do about it: two sentences for a person. */
export class CliError extends Error {
  readonly advice: string
  /** The stable code of a refusal, where a node answered. */
  readonly code: string | undefined

  constructor(message: string, advice: string, code?: string) {
    super(message)
    this.advice = advice
    this.code = code
  }
}
