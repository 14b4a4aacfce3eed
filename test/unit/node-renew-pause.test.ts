import { expect, test } from 'vitest'
import { HeldConnection } from '../../src/node/held/held-connection.js'
import { HeldConnections } from '../../src/node/held/held-connections.js'
import { latestLookMs, RenewPause } from '../../src/node/lease/renew-pause.js'
import { SHORT } from '../support/cluster.js'
import { ManualClock } from '../support/manual-clock.js'
import { turns } from '../support/steered-node.js'
import { claim } from '../support/store-node.js'

const R_MS = 3_000
const TIMING = { ...SHORT, renewIntervalMs: R_MS }

function pausing() {
  const [clock, held, session] = [new ManualClock(), new HeldConnections(), new AbortController()]
  const pause = new RenewPause({ clock, timing: TIMING, random: () => 0.5, held })
  /** After how many ms a pause is over that begins now; something is done `meanwhile`. */
  const lasts = async (meanwhile?: { atMs: number; what: () => void }) => {
    const startMs = clock.monotonicMs()
    let isOver = false
    void pause.rest(0, session.signal).then(() => {
      isOver = true
    })
    await turns()
    while (!isOver) {
      if (clock.monotonicMs() - startMs === meanwhile?.atMs) meanwhile.what()
      // What ended at once needs no time for it.
      await turns()
      if (!isOver) clock.advance(10)
      await turns()
    }
    expect(clock.pending).toBe(0)
    return clock.monotonicMs() - startMs
  }
  const pod = new HeldConnection(claim('pod', 'acme', 9, { name: 'instance', id: 'acme//pod', limit: 1 }), 0)
  return { clock, held, session, pause, lasts, pod }
}

test('L3: a node renews every half second as long as it holds a connection that named its instance', async () => {
  const { held, lasts, pod } = pausing()
  held.add(new HeldConnection(claim('c', 'acme', 9), 0))
  expect(await lasts()).toBe(R_MS)
  held.add(pod)
  expect([await lasts(), await lasts()]).toEqual([500, 500])
  held.remove(pod)
  expect(await lasts()).toBe(R_MS)
  expect(latestLookMs(TIMING)).toBe(550)
  expect(latestLookMs({ ...TIMING, renewIntervalMs: 100 })).toBeCloseTo(110)
})

test('L3: a pause that began without any is cut short, and not below half a second however often they come and go', async () => {
  const { lasts, pause } = pausing()
  const shorten = () => {
    for (let n = 0; n < 10; n++) pause.shorten()
  }
  expect(await lasts({ atMs: 100, what: shorten })).toBe(500)
  expect(await lasts({ atMs: 2_000, what: shorten }), 'at once: the next step of the clock').toBe(2_010)
  shorten()
  expect(await lasts()).toBe(R_MS)
})

test('a pause ends with the session', async () => {
  const { lasts, session } = pausing()
  expect(await lasts({ atMs: 200, what: () => session.abort() })).toBe(200)
  expect(await lasts()).toBe(0)
})
