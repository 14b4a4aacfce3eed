import { expect, test } from 'vitest'
import { LeaseIdentity } from '../../src/node/lease/lease-identity.js'
import { SHORT } from '../support/cluster.js'
import { ManualClock } from '../support/manual-clock.js'

const { trustMs: D, callTimeoutMs: C } = SHORT

test('S3: no two hellos say the same, and a known lease is named with what was answered last', () => {
  const identity = new LeaseIdentity(new ManualClock(), SHORT)
  const first = identity.next()
  expect(first).toEqual({ lease: first.lease, generation: 1 })
  const again = identity.next()
  expect(again).toEqual({ lease: first.lease, generation: 2 })
  expect(identity.held).toBeUndefined()
  identity.confirm(again, 'e1')
  expect(identity.held).toBe(first.lease)
  const known = { generation: 2, epoch: 'e1' }
  expect(identity.next()).toEqual({ lease: first.lease, generation: 3, known })
  expect(identity.next()).toEqual({ lease: first.lease, generation: 4, known })
})

test('S3: a lease that was never answered is asked for again only while it cannot have died and been forgotten', () => {
  const clock = new ManualClock()
  const identity = new LeaseIdentity(clock, SHORT)
  const { lease } = identity.next()
  clock.advance(D - C - 1)
  expect(identity.next()).toMatchObject({ lease, generation: 2 })
  clock.advance(1)
  const other = identity.next()
  expect(other).toMatchObject({ generation: 1 })
  expect(other.lease).not.toBe(lease)
  // Once it was answered, its age is for the store to judge.
  identity.confirm(other, 'e1')
  clock.advance(10 * D)
  expect(identity.next()).toMatchObject({ lease: other.lease, generation: 2 })
})

test('a lease that is gone is followed by another, and its epoch is remembered', () => {
  const identity = new LeaseIdentity(new ManualClock(), SHORT)
  const first = identity.next()
  identity.confirm(first, 'e1')
  identity.drop()
  expect([identity.held, identity.epoch]).toEqual([undefined, 'e1'])
  const next = identity.next()
  expect(next).toEqual({ lease: next.lease, generation: 1, lastEpoch: 'e1' })
  expect(next.lease).not.toBe(first.lease)
})
