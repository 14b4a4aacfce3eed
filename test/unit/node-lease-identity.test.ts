import { expect, test } from 'vitest'
import { LeaseIdentity } from '../../src/node/lease/lease-identity.js'
import { SHORT } from '../support/cluster.js'
import { ManualClock } from '../support/manual-clock.js'

const { trustMs: D, callTimeoutMs: C } = SHORT
const heard = (epoch: string, resumeSecret = 's') => ({ epoch, resumeSecret })

test('S3: no two hellos say the same, and a known lease is named with what was answered last', () => {
  const identity = new LeaseIdentity(new ManualClock(), SHORT)
  const first = identity.next()
  const { lease, proposedSecret } = first
  expect(first).toEqual({ lease, generation: 1, proposedSecret })
  const again = identity.next()
  expect(again).toEqual({ lease, generation: 2, proposedSecret })
  expect(identity.held).toBeUndefined()
  identity.confirm(again, heard('e1'))
  expect(identity.held).toBe(lease)
  const known = { generation: 2, epoch: 'e1' }
  expect(identity.next()).toEqual({ lease, generation: 3, proposedSecret: 's', known })
  expect(identity.next()).toEqual({ lease, generation: 4, proposedSecret: 's', known })
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
  identity.confirm(other, heard('e1'))
  clock.advance(10 * D)
  expect(identity.next()).toMatchObject({ lease: other.lease, generation: 2 })
})

test('a lease that is gone is followed by another, and its epoch is remembered', () => {
  const identity = new LeaseIdentity(new ManualClock(), SHORT)
  const first = identity.next()
  identity.confirm(first, heard('e1'))
  expect(identity.drop(first.lease)).toBe(true)
  expect([identity.held, identity.epoch]).toEqual([undefined, 'e1'])
  const next = identity.next()
  expect(next).toEqual({ lease: next.lease, generation: 1, proposedSecret: 's', lastEpoch: 'e1' })
  expect(next.lease).not.toBe(first.lease)
})

test('R1: one that a store knows nothing of is spoken of until another is answered, which is asked for by one name', () => {
  const clock = new ManualClock()
  const identity = new LeaseIdentity(clock, SHORT)
  const first = identity.next()
  identity.confirm(first, heard('e1'))
  const known = { generation: 1, epoch: 'e1' }
  expect(identity.next()).toMatchObject({ lease: first.lease, generation: 2, known })
  const other = identity.next({ anew: true })
  expect(other).toEqual({ lease: other.lease, generation: 1, proposedSecret: 's', lastEpoch: 'e1' })
  expect(other.lease).not.toBe(first.lease)
  expect([identity.held, identity.next()]).toMatchObject([first.lease, { lease: first.lease, generation: 3, known }])
  identity.confirm({ ...first, generation: 3 }, heard('e1'))
  expect(identity.next({ anew: true }), 'also where that is answered meanwhile').toMatchObject({
    lease: other.lease,
    generation: 2,
  })
  expect(identity.drop(other.lease), 'never held').toBe(false)
  expect(identity.held).toBe(first.lease)
  const last = identity.next({ anew: true })
  expect([other.lease, first.lease]).not.toContain(last.lease)
  identity.confirm(last, heard('e2'))
  expect([identity.held, identity.epoch]).toEqual([last.lease, 'e2'])
  expect(identity.next()).toMatchObject({ lease: last.lease, generation: 2, known: { generation: 1, epoch: 'e2' } })
})

test('L2: a store that has lost the secret of resume tokens is offered the one that it had, and no two nodes make the same', () => {
  const [one, other] = [1, 2].map(() => new LeaseIdentity(new ManualClock(), SHORT)) as [LeaseIdentity, LeaseIdentity]
  const made = [one, one, other].map((identity) => identity.next().proposedSecret)
  expect(made[1]).toBe(made[0])
  expect(made[2]).not.toBe(made[0])
  one.confirm(one.next(), heard('e1', made[2]))
  one.drop(one.held!)
  expect(one.next().proposedSecret).toBe(made[2])
})
