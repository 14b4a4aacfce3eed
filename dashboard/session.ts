const KEY = 'headcount.token'

/**
 * The operator's token, for as long as this tab lives. `onChange` is told when it came and when it was refused;
 * nobody else keeps it.
 */
export class Session {
  #token = sessionStorage.getItem(KEY)
  readonly #onChange: (problem?: string) => void

  constructor(onChange: (problem?: string) => void) {
    this.#onChange = onChange
  }

  get token(): string | null {
    return this.#token
  }

  begin(token: string): void {
    this.#token = token
    sessionStorage.setItem(KEY, token)
    this.#onChange()
  }

  forget(): void {
    this.#token = null
    sessionStorage.removeItem(KEY)
  }

  refused(): void {
    if (this.#token === null) return
    this.forget()
    this.#onChange('The node refused this token.')
  }
}
