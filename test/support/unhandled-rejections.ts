import { onTestFinished } from 'vitest'

/** Takes what is rejected with nobody to hear it, as a program may that does not want to end for it, until the test is over. */
export function unhandledRejections(): unknown[] {
  const taken: unknown[] = []
  const take = (error: unknown) => void taken.push(error)
  const others = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', take)
  onTestFinished(() => {
    process.off('unhandledRejection', take)
    for (const other of others) process.on('unhandledRejection', other)
  })
  return taken
}
