import { describe, expect, test } from 'vitest'
import { MemoryStore } from '../../src/store/memory/store.js'
import { Turns } from '../../src/store/memory/turns.js'
import type { OrderRequest } from '../../src/store/orders.js'
import { ManualClock } from '../support/manual-clock.js'
import { memoryBench, TIMING } from '../support/store-bench.js'
import { claims, done, StoreNode } from '../support/store-node.js'

/** Each look at the time takes one ms, and turns come when the test says so. */
class TurningClock extends ManualClock {
  readonly waiting: (() => void)[] = []

  override monotonicMs(): number {
    this.advance(1)
    return super.monotonicMs()
  }

  override soon(run: () => void): void {
    this.waiting.push(run)
  }

  /** One turn of the event loop, with all that follows from it. */
  async turn(): Promise<void> {
    for (const run of this.waiting.splice(0)) run()
    await settled()
  }
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

async function bench() {
  const clock = new TurningClock()
  const store = new MemoryStore({ timing: TIMING, clock })
  const node = await StoreNode.join({ ...memoryBench(), store })
  await clock.turn()
  return { clock, node }
}

describe('verbs of the embedded store that are said one after the other', () => {
  test('let the event loop turn every few of them', async () => {
    const { clock, node } = await bench()
    const request: OrderRequest = { kind: 'evict', org: 'acme', limit: 1, ids: ['a'] }
    let said = 0
    const all = (async () => {
      for (; said < 100; said++) done(await node.connection.order(node.fence, request))
    })()
    let turns = 0
    for (let before = -1; said > before; turns++) {
      before = said
      await settled()
      expect(said - before).toBeLessThan(10)
      await clock.turn()
    }
    await all
    expect(said).toBe(100)
    expect(turns).toBeGreaterThan(10)
  })

  test('hold up no admission and no release', async () => {
    const { clock, node } = await bench()
    const audits = Array.from({ length: 20 }, () => node.connection.audit(node.fence, '0', []))
    const [one] = claims(1, 'a', 'acme', 1)
    expect(done(await node.connection.acquire(node.fence, [one!]))).toMatchObject([{ admitted: true }])
    done(await node.connection.release(node.fence, [one!]))
    expect(clock.waiting.length).toBeGreaterThan(0)
    await clock.turn()
    await clock.turn()
    for (const audit of audits) done(await audit)
  })

  test('begin anew with each turn, and wait for none where there is time', async () => {
    const clock = new TurningClock()
    const turns = new Turns(clock)
    for (let n = 0; n < 50; n++) {
      expect(turns.wait).toBeUndefined()
      await clock.turn()
    }
  })
})
