import { RateMeter } from '../../src/gate/rate-meter.js'
import { collectedHeapBytes } from './collected-heap.js'

/**
 * Lets so many different names try once each at a meter, and one, `loud`, again and again. Tells how many names are
 * remembered afterwards, by how much the heap grew, and how `loud` fared.
 */
export async function floodNames(count: number, { most, maxNames }: { most: number; maxNames: number }) {
  const meter = new RateMeter({ most, maxNames, windowSeconds: 3_600 })
  const before = collectedHeapBytes()
  let [loudTried, loudRefused] = [0, 0]
  for (let name = 0; name < count; name++) {
    void meter.count(`name-${name}`)
    if (name % 500 !== 0) continue
    loudTried++
    if ((await meter.count('loud')) !== undefined) loudRefused++
  }
  const heapGrowthBytes = collectedHeapBytes() - before
  const remembered = meter.size
  meter.stop()
  return { remembered, rememberedAfterStop: meter.size, heapGrowthBytes, loudTried, loudRefused }
}
