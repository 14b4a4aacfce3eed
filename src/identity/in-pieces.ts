import { type Clock, SPELL_MS } from '../core/clock.js'

/** Long work that yields now and then, where it may be interrupted; what it returns is its result. */
export type InPieces<T> = Generator<void, T, void>

/** Does the work and lets the event loop turn now and then, so that nobody's answer waits for the whole of it. */
export async function inTurns<T>(clock: Clock, work: InPieces<T>): Promise<T> {
  let sinceMs = clock.monotonicMs()
  for (let piece = work.next(); ; piece = work.next()) {
    if (piece.done) return piece.value
    if (clock.monotonicMs() - sinceMs < SPELL_MS) continue
    await new Promise<void>((resolve) => clock.soon(resolve))
    sinceMs = clock.monotonicMs()
  }
}

/** Does the work at one go, for a process that has nothing else to do. */
export function atOnce<T>(work: InPieces<T>): T {
  for (let piece = work.next(); ; piece = work.next()) if (piece.done) return piece.value
}
