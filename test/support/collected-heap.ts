import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** What the heap of this process holds after a collection, in bytes. */
export function collectedHeapBytes(): number {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  collectGarbage()
  return process.memoryUsage().heapUsed
}
