import { type Clock, sleep } from './clock.js'

/** Resolves when `done` does, or after `delayMs`, whichever is first; leaves no timer behind. Never rejects. */
export async function within(clock: Clock, delayMs: number, done: Promise<unknown>): Promise<void> {
  const over = new AbortController()
  const settle = () => over.abort()
  await Promise.race([done.then(settle, settle), sleep(clock, delayMs, over.signal)])
}
