/** Looks again and again until stopped. */
export interface Watch {
  /** Resolves when the last look is over, with how many there were; rejects with the first look that threw. */
  stop(): Promise<number>
}

/** Few enough not to be the load themselves. */
const PAUSE_MS = 5

export function watch(look: () => Promise<void>): Watch {
  let stopped = false
  let looks = 0
  const running = (async () => {
    while (!stopped) {
      await look()
      looks++
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
    return looks
  })()
  // Whoever stops the watch is told.
  running.catch(() => {})
  return {
    stop() {
      stopped = true
      return running
    },
  }
}
