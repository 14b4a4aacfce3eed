/**
 * As much of an `AbortSignal` as it takes to hear that whoever asked is gone. Making a whole one for each upgrade, and
 * listening to it, would be a twentieth of what an upgrade costs: the gate brings something cheaper.
 */
export interface Ending {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/**
 * Aborts with the first of two. Whoever listens is noted with both, and taken off both: what `AbortSignal.any` makes leaves
 * some bytes behind in a signal for as long as that lives, which may be for good.
 */
export function eitherOf(one: Ending, other: Ending): Ending {
  return {
    get aborted() {
      return one.aborted || other.aborted
    },
    addEventListener(type, listener, options) {
      for (const ending of [one, other]) ending.addEventListener(type, listener, options)
    },
    removeEventListener(type, listener) {
      for (const ending of [one, other]) ending.removeEventListener(type, listener)
    },
  }
}
