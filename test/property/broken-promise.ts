/** A promise that was not kept, by its number in the design. */
export class BrokenPromise extends Error {
  constructor(promise: string, what: string) {
    super(`${promise}: ${what}`)
    this.name = 'BrokenPromise'
  }
}

export function must(promise: string, kept: boolean, what: () => string): void {
  if (!kept) throw new BrokenPromise(promise, what())
}
