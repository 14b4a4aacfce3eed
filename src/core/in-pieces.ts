import type { Clock } from './clock.js'

/** Long work that yields now and then, where it may be interrupted; what it returns is its result. */
export type InPieces<T> = Generator<void, T, void>

/** Does the work and lets the event loop turn between its pieces, so that nobody's answer waits for the whole of it. */
export async function inTurns<T>(clock: Clock, work: InPieces<T>): Promise<T> {
  for (let piece = work.next(); ; piece = work.next()) {
    if (piece.done) return piece.value
    await new Promise<void>((resolve) => clock.soon(resolve))
  }
}

/** Does the work at one go, for a process that has nothing else to do. */
export function atOnce<T>(work: InPieces<T>): T {
  for (let piece = work.next(); ; piece = work.next()) if (piece.done) return piece.value
}
