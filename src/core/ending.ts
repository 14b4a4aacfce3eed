/**
 * As much of an `AbortSignal` as it takes to hear that whoever asked is gone. Making a whole one for each upgrade, and
 * listening to it, would be a twentieth of what an upgrade costs: the gate brings something cheaper.
 */
export interface Ending {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** The same as a whole signal, for who needs one. */
export function signalOf(ending: Ending): AbortSignal {
  if (ending instanceof AbortSignal) return ending
  const controller = new AbortController()
  if (ending.aborted) controller.abort()
  else ending.addEventListener('abort', () => controller.abort(), { once: true })
  return controller.signal
}
