import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Census } from '../../src/gate/census.js'
import { closePaced } from '../../src/gate/close-paced.js'
import type { Upgrade } from '../../src/gate/upgrade.js'
import { ManualClock } from '../support/manual-clock.js'

/** So many open connections whose peers answer no close. */
function silentPeers(size: number): Census<Upgrade> {
  const census = new Census<Upgrade>()
  for (let i = 0; i < size; i++) {
    const upgrade = {
      stage: undefined,
      place: -1,
      socket: { destroy: () => census.remove(upgrade) },
    } as unknown as Upgrade
    census.move(upgrade, 'open')
  }
  return census
}

test('L4: a walk over many ends with another one that has less time and cuts them all off', async () => {
  const [clock, census] = [new ManualClock(0), silentPeers(10_000)]
  const ended: [string, number][] = []
  const walk = (name: string, withinMs: number) =>
    closePaced(census, () => {}, { withinMs }, clock).then(() => ended.push([name, clock.monotonicMs()]))
  const walks = Promise.all([walk('long', 20_000), walk('short', 800)])
  for (let passedMs = 0; passedMs < 1_000; passedMs += 10) {
    await turn()
    clock.advance(10)
  }
  expect(ended).toEqual([
    ['short', 640],
    ['long', 650],
  ])
  await walks
})
