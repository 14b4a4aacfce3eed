import type { Ending } from './ending.js'

/**
 * Only this file names `Date.now` and `performance`; timers are named here and in `cli`, nowhere else. What decides by
 * time receives a `Clock`, so that a test can hold time in its hand. `systemClock` is for where things are put together,
 * for `cli`, and for the few that no test has to hurry: a look-up of a host, a scrape, the last lines of the log.
 */
export interface Clock {
  /** Milliseconds since an arbitrary moment; never runs backwards; may stand still while the machine sleeps. */
  monotonicMs(): number
  /** Milliseconds since 1970; may jump either way. */
  wallMs(): number
  /**
   * Calls `task` once after `delayMs`, and after whatever had arrived by then was read: a deadline must not pass over
   * an answer that lies in the kernel's buffer because this process was busy. Does not keep the process alive; never
   * where `delayMs` is `Infinity`. Returns the cancel function.
   */
  after(delayMs: number, task: () => void): () => void
  /**
   * Calls `task` once when what has arrived by now was read, and before the process waits for more: what many ask in
   * one turn of the event loop leaves in one piece then, and whoever asks alone waits no longer for it.
   */
  soon(task: () => void): void
}

/** So long is worked between two turns: more would be felt, and less would never end where each turn is a long one. */
export const SPELL_MS = 5

/** A timer of the runtime that is given more fires at once; longer waits are taken in steps. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, task) {
    if (delayMs > LONGEST_TIMER_MS) {
      let cancel = systemClock.after(LONGEST_TIMER_MS, () => {
        cancel = systemClock.after(delayMs - LONGEST_TIMER_MS, task)
      })
      return () => cancel()
    }
    let due: NodeJS.Immediate | undefined
    // Timers run before sockets are read, immediates behind them.
    const timer = setTimeout(() => {
      due = setImmediate(task)
    }, delayMs)
    timer.unref()
    return () => {
      clearTimeout(timer)
      clearImmediate(due)
    }
  },
  soon: (task) => void setImmediate(task),
}

/**
 * Keeps the process alive until `done` has settled. Timers of a `Clock` do not: where a start waits for a store, a stop
 * for its last connection, or a decision for a silent peer, nothing else may be left that does.
 */
export async function keepAwake<T>(done: Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, LONGEST_TIMER_MS)
  try {
    return await done
  } finally {
    clearInterval(timer)
  }
}

/** Resolves after `delayMs`, or at once when `signal` aborts. Never rejects. */
export function sleep(clock: Clock, delayMs: number, signal?: Ending): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const cancel = clock.after(delayMs, finish)
    signal?.addEventListener('abort', finish, { once: true })
    function finish() {
      cancel()
      signal?.removeEventListener('abort', finish)
      resolve()
    }
  })
}

/** Resolves when `done` does, or after `delayMs`, whichever is first; leaves no timer behind. Never rejects. */
export async function within(clock: Clock, delayMs: number, done: Promise<unknown>): Promise<void> {
  const over = new AbortController()
  const settle = () => over.abort()
  await Promise.race([done.then(settle, settle), sleep(clock, delayMs, over.signal)])
}
