import { expect, onTestFinished, test, vi } from 'vitest'
import { EventBus } from '../../src/core/events.js'
import { HeldConnections } from '../../src/node/held/held-connections.js'
import type { Session } from '../../src/node/lease/session.js'
import { Sweeper } from '../../src/node/lease/sweeper.js'
import { Overrides } from '../../src/node/limits/overrides.js'
import { OrderTaker } from '../../src/node/orders/order-taker.js'
import { ReleaseQueue } from '../../src/node/queues/release-queue.js'
import { ManualClock } from '../support/manual-clock.js'
import { SessionMaker, steeredStore, turns } from '../support/steered-node.js'
import { unhandledRejections } from '../support/unhandled-rejections.js'

const clock = new ManualClock()
const events = new EventBus()

/** What is done in the background when a renewal was answered. */
const WORK: Readonly<Record<string, (session: Session) => () => void>> = {
  'obeys orders': (session) => {
    const [held, releases] = [new HeldConnections(), new ReleaseQueue(clock)]
    const taker = new OrderTaker({ clock, events, held, releases, onRenewed: () => {} })
    return () => taker.take(session, [{ kind: 'evict', id: 'gone' }])
  },
  sweeps: (session) => {
    const sweeper = new Sweeper(events)
    return () => sweeper.take(session, [1])
  },
  'learns what operators have set': (session) => {
    const overrides = new Overrides({ clock, events })
    void overrides.restore(session, async () => {})
    return () => overrides.heard(session, { overrideVersion: 1, recoveryMs: 0 })
  },
}

test.each(Object.entries(WORK))(
  'a node that %s does so at the next renewal where a fault has thrown it out of this one',
  async (_, workOf) => {
    const rejected = unhandledRejections()
    const session = await new SessionMaker(steeredStore(clock)).next()
    onTestFinished(() => session.close('closed', 'test'))
    const work = workOf(session)
    await turns()
    const fault = new Error('a fault')
    const call = vi.spyOn(session, 'call').mockRejectedValueOnce(fault)
    work()
    await turns()
    // Not hidden: a fault of our own ends the process, where nobody keeps it from that.
    expect(rejected).toEqual([fault])
    work()
    await turns()
    expect([call.mock.calls.length, rejected.length]).toEqual([2, 1])
  },
)
