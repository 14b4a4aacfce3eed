/** Nodes that started together shall not stay in step: what they do in turns comes up to a tenth earlier or later. */
const JITTER = 0.1

/** The time ± 10 %; `random` in [0, 1). */
export function jittered(ms: number, random: () => number): number {
  return ms * (1 - JITTER + 2 * JITTER * random())
}

/** The most that `jittered` makes of a time. */
export function latestJittered(ms: number): number {
  return ms * (1 + JITTER)
}
