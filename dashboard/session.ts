const KEY = 'headcount.token'

/** The operator's token, for as long as this tab lives; nobody else keeps it. */
export class Session {
  #token = sessionStorage.getItem(KEY)
  readonly #onRefused: () => void

  /** `onRefused` is called when the node does not take the token any more. */
  constructor(onRefused: () => void) {
    this.#onRefused = onRefused
  }

  get token(): string | null {
    return this.#token
  }

  keep(token: string): void {
    this.#token = token
    sessionStorage.setItem(KEY, token)
  }

  forget(): void {
    this.#token = null
    sessionStorage.removeItem(KEY)
  }

  refused(): void {
    if (this.#token === null) return
    this.forget()
    this.#onRefused()
  }
}
