import { inspect } from 'node:util'

export interface UntilOptions {
  /** How long to wait at most, in milliseconds. */
  readonly withinMs?: number
  /** What is waited for, as the end of the sentence "still not true: …". */
  readonly what?: string
}

const POLL_MS = 8

/**
 * Waits until `condition` returns something truthy, and returns that. A condition that throws is not true yet. Throws
 * when `withinMs` has passed (15 s: a busy machine may take long to start a process), and says what the condition
 * returned or threw last. A condition that never settles does not outwait the deadline.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { withinMs = 15_000, what }: UntilOptions = {},
): Promise<Exclude<T, false | 0 | '' | null | undefined>> {
  const deadline = performance.now() + withinMs
  let last = 'the condition has not answered yet'
  for (;;) {
    const outcome = await settledBy(deadline, condition)
    if (outcome.kind === 'value' && outcome.value) return outcome.value as Exclude<T, false | 0 | '' | null | undefined>
    if (outcome.kind === 'value') last = `last value ${inspect(outcome.value, { depth: 4 })}`
    if (outcome.kind === 'error') last = `last error ${inspect(outcome.error)}`
    if (performance.now() >= deadline) {
      throw new Error(`still not true after ${withinMs} ms: ${what ?? condition.toString()} (${last})`)
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

type Outcome<T> = { kind: 'value'; value: T } | { kind: 'error'; error: unknown } | { kind: 'pending' }

async function settledBy<T>(deadline: number, condition: () => T | Promise<T>): Promise<Outcome<T>> {
  let timer: NodeJS.Timeout | undefined
  const pending = new Promise<Outcome<T>>((resolve) => {
    timer = setTimeout(() => resolve({ kind: 'pending' }), Math.max(1, deadline - performance.now()))
  })
  try {
    return await Promise.race([
      Promise.resolve(condition()).then((value) => ({ kind: 'value' as const, value })),
      pending,
    ])
  } catch (error) {
    return { kind: 'error', error }
  } finally {
    clearTimeout(timer)
  }
}
