import { describe, expect, test } from 'vitest'
import { Dice } from '../../chaos/dice.js'
import { allFaults } from '../../chaos/faults/all.js'
import { schedule } from '../../chaos/schedule.js'
import { SHIPPED } from '../../chaos/terms.js'
import { importsOf } from '../house/rules.js'
import { pathsUnder, read, sourceFile } from '../house/sources.js'
import { broken, type ChaosStory, full, type ToldTwice } from '../support/chaos-story.js'

const ONE_INSTANCE = 'INSTANCE_CONNECTION_LIMIT_EXCEEDED'

const cases: readonly ToldTwice[] = [
  {
    name: 'S1: more open at once than the limit',
    finds: 'S1',
    well(story) {
      const [first] = full(story, 0, 1, 2)
      story.leaves(9_000, first!)
      story.opens(9_001)
    },
    breach(story) {
      full(story, 0, 1, 2)
      story.opens(9_000, 1)
    },
  },
  {
    name: 'S1: an admission after the limit was lowered, while the org still holds more',
    finds: 'S1',
    well(story) {
      full(story, 0, 1, 2)
      story.limit(5_000, 1)
      story.refused(9_000, undefined, { limit: 1 })
    },
    breach(story) {
      const [first] = full(story, 0, 1, 2)
      story.limit(5_000, 1)
      story.leaves(8_000, first!)
      story.opens(9_000)
    },
  },
  {
    name: 'S1: a change of the limit that nobody confirmed may count, one that was never asked for may not',
    finds: 'S1',
    well(story) {
      full(story, 0, 1, 2)
      story.limit(5_000, 4, false)
      story.opens(9_000)
    },
    breach(story) {
      full(story, 0, 1, 2)
      story.limit(5_000, 4, false)
      story.opens(9_000)
      story.opens(9_100)
    },
  },
  {
    name: 'R5: the slots of a frozen node are taken before its lease can have run out',
    finds: 'S1',
    well(story) {
      const [frozen] = full(story, 0, 1, 2)
      story.effect('paused', 5_000, 25_000, 0)
      story.opens(21_000, 1)
      story.closedBy(26_000, frozen!, 4408)
    },
    breach(story) {
      const [frozen] = full(story, 0, 1, 2)
      story.effect('paused', 5_000, 25_000, 0)
      story.opens(12_000, 1)
      story.closedBy(26_000, frozen!, 4408)
    },
  },
  {
    name: 'R5: a node that came back keeps connections for which there is no room',
    finds: 'S1',
    well(story) {
      full(story, 0, 1, 2)
      story.effect('cut-off', 5_000, 25_000, 0)
      story.opens(27_000, 0, 'globex')
    },
    breach(story) {
      const [cut] = full(story, 0, 1, 2)
      story.effect('cut-off', 5_000, 25_000, 0)
      story.opens(21_000, 1)
      story.leaves(90_000, cut!)
    },
  },
  {
    name: 'R1: a node that missed the recovery may keep its own, nobody else may be too many',
    finds: 'S1',
    well(story) {
      const [frozen] = full(story, 0, 1, 2)
      story.effect('paused', 5_000, 25_000, 0)
      story.effect('store-lost', 6_000)
      story.opens(28_000, 1)
      story.leaves(90_000, frozen!)
    },
    breach(story) {
      full(story, 0, 1, 2)
      story.effect('store-lost', 6_000)
      story.opens(28_000, 1)
    },
  },
  {
    name: 'R1: a node that had told the new store of its own before it was frozen has no excuse',
    finds: 'S1',
    well(story) {
      const [frozen] = full(story, 0, 1, 2)
      story.effect('store-lost', 3_000)
      story.effect('paused', 15_000, 35_000, 0)
      story.opens(31_000, 1)
      story.closedBy(36_000, frozen!, 4408)
    },
    breach(story) {
      full(story, 0, 1, 2)
      story.effect('store-lost', 3_000)
      story.effect('paused', 15_000, 35_000, 0)
      story.opens(31_000, 1)
    },
  },
  {
    name: 'R1: a store that recovers does not wait for a node that went away before it could say hello',
    finds: 'S1',
    well(story) {
      const [frozen] = full(story, 0, 1, 2)
      story.effect('store-lost', 3_000)
      story.effect('paused', 6_000, 15_000, 0)
      story.opens(12_000, 1)
      story.leaves(90_000, frozen!)
    },
    breach(story) {
      full(story, 0, 1, 2)
      story.effect('store-lost', 3_000)
      story.effect('paused', 7_500, 15_000, 0)
      story.opens(12_000, 1)
    },
  },
  {
    name: 'L1: a slot that does not come back after its connection is gone',
    finds: 'L1',
    well(story) {
      const [first] = full(story, 0, 1, 2)
      story.leaves(9_000, first!)
      story.refused(9_300)
    },
    breach(story) {
      const [first] = full(story, 0, 1, 2)
      story.leaves(9_000, first!)
      story.refused(11_000)
    },
  },
  {
    name: 'L1: the store was away, and the slot comes back when the node has told it',
    finds: 'L1',
    well(story) {
      const [first] = full(story, 0, 1, 2)
      story.effect('store-away', 8_900, 20_000)
      story.leaves(9_000, first!)
      story.refused(21_000)
    },
    breach(story) {
      const [first] = full(story, 0, 1, 2)
      story.effect('store-away', 8_900, 20_000)
      story.leaves(9_000, first!)
      story.refused(25_500)
    },
  },
  {
    name: 'L2: a dead node’s slots stay for longer than T + R',
    finds: 'L2',
    well(story) {
      const [first] = full(story, 0, 1, 2)
      story.effect('killed', 9_000, 12_000, 0)
      story.closedBy(9_010, first!, 1006)
      story.refused(26_000, undefined, { node: 1 })
    },
    breach(story) {
      const [first] = full(story, 0, 1, 2)
      story.effect('killed', 9_000, 12_000, 0)
      story.closedBy(9_010, first!, 1006)
      story.refused(29_000, undefined, { node: 1 })
    },
  },
  {
    name: 'L3: a silent client holds its slot for longer than the pong timeout',
    finds: 'L3',
    well(story) {
      const [first] = full(story, 0, 1, 2)
      story.leaves(9_000, first!, 'silence', 60_000)
      story.refused(38_000)
    },
    breach(story) {
      const [first] = full(story, 0, 1, 2)
      story.leaves(9_000, first!, 'silence', 60_000)
      story.refused(41_000)
    },
  },
  {
    name: 'S1: an instance has two connections at once',
    finds: 'S1',
    well(story) {
      story.leaves(4_000, story.opens(1_000, 0, 'acme', undefined, 'one'))
      story.opens(5_000, 1, 'acme', undefined, 'one')
      story.opens(5_000, 1, 'acme', undefined, 'other')
      story.opens(5_000, 1, 'globex', undefined, 'one')
    },
    breach(story) {
      story.opens(1_000, 0, 'acme', undefined, 'one')
      story.opens(5_000, 1, 'acme', undefined, 'one')
    },
  },
  {
    name: 'S6: an instance is refused although it has no other connection',
    finds: 'S6',
    well(story) {
      story.opens(1_000, 0, 'acme', undefined, 'one')
      story.refused(5_000, ONE_INSTANCE, { instance: 'one', limit: 1 })
    },
    breach(story) {
      story.opens(1_000, 0, 'acme', undefined, 'other')
      story.refused(5_000, ONE_INSTANCE, { instance: 'one', limit: 1 })
    },
  },
  {
    name: 'R2: who names no instance is refused for one',
    finds: 'R2',
    well(story) {
      story.opens(1_000, 0, 'acme', undefined, 'one')
      story.refused(5_000, ONE_INSTANCE, { instance: 'one', limit: 1 })
    },
    breach(story) {
      story.opens(1_000, 0, 'acme', undefined, 'one')
      story.refused(5_000, ONE_INSTANCE, { limit: 1 })
    },
  },
  {
    name: 'L3: an instance is refused for its own silent connection while nothing is wrong with that one’s node',
    finds: 'L3',
    well(story) {
      story.effect('cut-off', 9_500, 12_000, 0)
      story.leaves(9_000, story.opens(1_000, 0, 'acme', undefined, 'one'), 'silence', 60_000)
      story.refused(10_000, ONE_INSTANCE, { node: 1, afterMs: 2_300, instance: 'one', limit: 1 })
    },
    breach(story) {
      story.effect('cut-off', 9_500, 12_000, 2)
      story.leaves(9_000, story.opens(1_000, 0, 'acme', undefined, 'one'), 'silence', 60_000)
      story.refused(10_000, ONE_INSTANCE, { node: 1, afterMs: 2_300, instance: 'one', limit: 1 })
    },
  },
  {
    name: 'L3: the same where the org is full with it; others may have come before',
    finds: 'L3',
    well(story) {
      full(story, 1, 2)
      story.leaves(9_000, story.opens(1_300, 0, 'acme', undefined, 'one'), 'silence', 12_000)
      story.opens(12_050, 1)
      story.refused(10_000, undefined, { node: 1, afterMs: 2_300, instance: 'one' })
    },
    breach(story) {
      full(story, 1, 2)
      story.leaves(9_000, story.opens(1_300, 0, 'acme', undefined, 'one'), 'silence', 12_000)
      story.refused(10_000, undefined, { node: 1, afterMs: 2_300, instance: 'one' })
    },
  },
  {
    name: 'L3: it is asked for at each comeback, but not twice in a moment',
    finds: 'L3',
    well(story) {
      story.leaves(9_000, story.opens(7_000, 0, 'acme', undefined, 'one'), 'silence', 60_000)
      story.refused(10_000, ONE_INSTANCE, { node: 1, instance: 'one', limit: 1 })
    },
    breach(story) {
      story.leaves(9_000, story.opens(6_000, 0, 'acme', undefined, 'one'), 'silence', 60_000)
      story.refused(10_000, ONE_INSTANCE, { node: 1, instance: 'one', limit: 1 })
    },
  },
  {
    name: 'S6: full although nobody was there for a long time',
    finds: 'S6',
    well: (story) => story.opens(90_000),
    breach: (story) => story.refused(90_000),
  },
  {
    name: 'L6: no answer for more than 3 s',
    finds: 'L6',
    well(story) {
      story.effect('paused', 5_000, 10_000, 0)
      story.refused(5_500, 'STORE_UNAVAILABLE', { afterMs: 5_500 })
    },
    breach(story) {
      story.effect('paused', 5_000, 10_000, 0)
      story.fails(5_500, 9_000)
    },
  },
  {
    name: 'L6: a node that is well hangs up without an answer',
    finds: 'L6',
    well(story) {
      story.effect('draining', 19_000, 20_010, 0)
      story.at(20_010, { is: 'exited', node: 0, code: 0, signal: null })
      story.fails(20_000, 15, 'reset')
    },
    breach: (story) => story.fails(20_000, 15, 'reset'),
  },
  {
    name: 'R2: a refusal for the store that takes longer than C',
    finds: 'R2',
    well(story) {
      story.effect('store-away', 5_000, 15_000)
      story.refused(8_000, 'STORE_UNAVAILABLE', { afterMs: 260 })
    },
    breach(story) {
      story.effect('store-away', 5_000, 15_000)
      story.refused(8_000, 'STORE_UNAVAILABLE', { afterMs: 1_900 })
    },
  },
  {
    name: 'R2: a quota as the reason while the store is away',
    finds: 'R2',
    well(story) {
      full(story, 0, 1, 2)
      story.effect('cut-off', 5_000, 15_000, 0)
      story.refused(8_000, undefined, { node: 1 })
    },
    breach(story) {
      full(story, 0, 1, 2)
      story.effect('cut-off', 5_000, 15_000, 0)
      story.refused(8_000, undefined, { node: 0 })
    },
  },
  {
    name: 'R2: an admission without the store',
    finds: 'R2',
    well(story) {
      story.effect('store-away', 5_000, 15_000)
      story.opens(16_000)
    },
    breach(story) {
      story.effect('store-away', 5_000, 15_000)
      story.opens(8_000)
    },
  },
  {
    name: 'R2: the store is there, and nodes go on saying that it is not',
    finds: 'R2',
    well(story) {
      story.effect('store-away', 5_000, 15_000)
      story.refused(18_000, 'STORE_UNAVAILABLE')
      for (let i = 0; i < 100; i++)
        story.refused(30_000 + i, 'ORG_CONNECTION_LIMIT_EXCEEDED', { org: 'globex', limit: 0 })
      story.at(1, { is: 'limit', org: 'globex', limit: 0, askedMs: 0, confirmed: true })
    },
    breach(story) {
      story.effect('store-away', 5_000, 15_000)
      for (let i = 0; i < 10; i++) story.refused(22_000 + i * 100, 'STORE_UNAVAILABLE')
    },
  },
  {
    name: 'R2: a store that lost its memory and is there again is not away',
    finds: 'R2',
    well(story) {
      story.effect('store-lost', 5_000)
      for (let i = 0; i < 10; i++) story.refused(7_000 + i * 100, 'STORE_UNAVAILABLE')
    },
    breach(story) {
      story.effect('store-lost', 5_000)
      for (let i = 0; i < 10; i++) story.refused(12_000 + i * 100, 'STORE_UNAVAILABLE')
    },
  },
  {
    name: 'R1: a node that had admitted before does not start again because the store lost its memory',
    finds: 'R2',
    well(story) {
      story.effect('store-lost', 5_000)
      story.effect('absent', 8_000, 14_000, 0)
      story.refused(12_000, 'STARTING')
    },
    breach(story) {
      story.effect('store-lost', 5_000)
      story.refused(12_000, 'STARTING')
    },
  },
  {
    name: 'L1: what a frozen node did not decide may hold a slot, until the node has given it back',
    finds: 'L1',
    well(story) {
      full(story, 1, 2)
      story.effect('paused', 5_000, 9_000, 0)
      story.refused(4_990, 'ADMISSION_UNDECIDED', { afterMs: 4_100 })
      story.refused(7_000, undefined, { node: 1 })
    },
    breach(story) {
      full(story, 1, 2)
      story.effect('paused', 5_000, 9_000, 0)
      story.refused(4_990, 'ADMISSION_UNDECIDED', { afterMs: 4_100 })
      story.refused(15_000, undefined, { node: 1 })
    },
  },
  {
    name: 'R1: a recovery without end',
    finds: 'R2',
    well(story) {
      story.effect('store-lost', 5_000)
      story.refused(14_000, 'RECOVERING')
    },
    breach(story) {
      story.effect('store-lost', 5_000)
      story.refused(40_000, 'RECOVERING')
    },
  },
  {
    name: 'R1: a recovery goes on for as long as the store was away in the middle of it, and no longer',
    finds: 'R2',
    well(story) {
      story.effect('store-lost', 5_000)
      story.effect('store-away', 8_000, 38_000)
      story.refused(50_000, 'RECOVERING')
    },
    breach(story) {
      story.effect('store-lost', 5_000)
      story.effect('store-away', 8_000, 38_000)
      story.refused(70_000, 'RECOVERING')
    },
  },
  {
    name: 'R5: a node without its lease tells the store of its own when it is back, and not for long',
    finds: 'R2',
    well(story) {
      story.effect('cut-off', 5_000, 25_000, 0)
      story.refused(26_000, 'RECOVERING')
    },
    breach(story) {
      story.effect('cut-off', 5_000, 25_000, 0)
      story.refused(35_000, 'RECOVERING')
    },
  },
  {
    name: 'R5: a node says so when it is back, not while it is away',
    finds: 'R2',
    well(story) {
      story.effect('cut-off', 5_000, 25_000, 0)
      story.effect('cut-off', 26_000, 30_000, 0)
      story.refused(25_500, 'RECOVERING')
    },
    breach(story) {
      story.effect('cut-off', 5_000, 25_000, 0)
      story.refused(22_000, 'RECOVERING')
    },
  },
  {
    name: 'R5: who was away cannot come back before the store does, and must then',
    finds: 'R1–R3',
    well(story) {
      const [first] = full(story, 0, 1, 2)
      story.effect('cut-off', 5_000, 25_000, 0)
      story.effect('store-away', 26_000, 46_000)
      story.refused(47_000, 'RECOVERING')
      story.closedBy(48_000, first!, 4408)
    },
    breach(story) {
      const [first] = full(story, 0, 1, 2)
      story.effect('cut-off', 5_000, 25_000, 0)
      story.effect('store-away', 35_000, 55_000)
      story.closedBy(56_000, first!, 4408)
    },
  },
  {
    name: 'R5: the others have nothing to tell then',
    finds: 'R2',
    well(story) {
      story.effect('paused', 5_000, 25_000, 0)
      story.refused(26_000, 'RECOVERING', { node: 0 })
    },
    breach(story) {
      story.effect('paused', 5_000, 25_000, 0)
      story.refused(26_000, 'RECOVERING', { node: 1 })
    },
  },
  {
    name: 'R3: nobody has anything to tell after a freeze of Redis, however long, or of a node for a moment',
    finds: 'R2',
    well(story) {
      story.effect('store-away', 5_000, 35_000)
      story.effect('paused', 40_000, 44_000, 0)
      story.refused(36_000, 'STORE_UNAVAILABLE')
    },
    breach(story) {
      story.effect('store-away', 5_000, 35_000)
      story.effect('paused', 40_000, 44_000, 0)
      story.refused(36_000, 'RECOVERING')
      story.refused(45_000, 'RECOVERING')
    },
  },
  {
    name: 'R1: an admission before 2R after a loss',
    finds: 'R1',
    well(story) {
      story.effect('store-lost', 5_000)
      story.opens(12_500)
    },
    breach(story) {
      story.effect('store-lost', 5_000)
      story.opens(9_000)
    },
  },
  {
    name: 'R1: somebody is closed for a lost store',
    finds: 'R1–R3',
    well(story) {
      const [first] = full(story, 0, 1, 2)
      story.effect('store-lost', 5_000)
      story.leaves(8_000, first!)
    },
    breach(story) {
      const [first] = full(story, 0, 1, 2)
      story.effect('store-lost', 5_000)
      story.closedBy(8_000, first!, 4408)
    },
  },
  {
    name: 'R3: a node that was frozen for a moment is taken for dead',
    finds: 'R1–R3',
    well(story) {
      const [first] = full(story, 0, 1, 2)
      story.effect('paused', 5_000, 25_000, 0)
      story.closedBy(26_000, first!, 4408)
    },
    breach(story) {
      const [first] = full(story, 0, 1, 2)
      story.effect('paused', 5_000, 9_000, 0)
      story.closedBy(9_500, first!, 4408)
    },
  },
  {
    name: 'L4: a node that stops for too long, or not in good order',
    finds: 'L4',
    well(story) {
      const [first] = full(story, 0, 1, 2)
      story.effect('draining', 5_000, 9_000, 0)
      story.closedBy(8_000, first!, 1012)
      story.at(9_000, { is: 'exited', node: 0, code: 0, signal: null })
    },
    breach(story) {
      story.effect('draining', 5_000, 9_000, 0)
      story.at(9_000, { is: 'exited', node: 0, code: 1, signal: null })
    },
  },
  {
    name: 'a node that ends by itself',
    finds: 'R2',
    well: (story) => story.effect('killed', 5_000, 9_000, 0),
    breach: (story) => story.at(9_000, { is: 'exited', node: 0, code: 1, signal: null }),
  },
  {
    name: 'R2: the loss of a part of the store is no excuse for the orgs of the others',
    finds: 'R2',
    well(story) {
      story.effect('store-lost', 20_000, undefined, undefined, ['globex'])
      story.refused(21_000, 'RECOVERING', { org: 'globex' })
    },
    breach(story) {
      story.effect('store-lost', 20_000, undefined, undefined, ['globex'])
      story.refused(21_000, 'RECOVERING', { org: 'acme' })
    },
  },
  {
    name: 'R1: after the loss of a part of the store its own orgs wait, and the others do not',
    finds: 'R1',
    well(story) {
      story.effect('store-lost', 20_000, undefined, undefined, ['globex'])
      story.opens(21_000, 0, 'acme')
    },
    breach(story) {
      story.effect('store-lost', 20_000, undefined, undefined, ['globex'])
      story.opens(21_000, 0, 'globex')
    },
  },
  {
    name: 'R2: an org whose part of the store is away is admitted, while the others may be',
    finds: 'R2',
    well(story) {
      story.effect('store-away', 20_000, 25_000, undefined, ['globex'])
      story.opens(22_000, 0, 'acme')
    },
    breach(story) {
      story.effect('store-away', 20_000, 25_000, undefined, ['globex'])
      story.opens(22_000, 0, 'globex')
    },
  },
  {
    name: 'S5: one bystander who is refused is the machine, many are not',
    finds: 'S5',
    well(story) {
      story.effect('store-away', 20_000, 25_000, undefined, ['globex'])
      for (let i = 0; i < 50; i++)
        story.refused(20_100 + i * 90, 'STORE_UNAVAILABLE', { org: i < 1 ? 'acme' : 'globex' })
    },
    breach(story) {
      for (let i = 0; i < 1_000; i++) story.leaves(1_000 + i * 12, story.opens(990 + i * 12))
      story.effect('store-away', 20_000, 25_000, undefined, ['globex'])
      for (let i = 0; i < 10; i++) story.refused(20_100 + i * 90, 'STORE_UNAVAILABLE', { org: 'acme' })
    },
  },
  {
    name: 'L2: who comes back with its token has its own slot, and nobody else has another for it',
    finds: 'S1',
    well(story) {
      const [first] = full(story, 0, 1, 2)
      story.opens(9_000, 1, 'acme', first)
      story.closedBy(9_900, first!, 4410)
      story.refused(10_000)
    },
    breach(story) {
      const [first] = full(story, 0, 1, 2)
      story.opens(9_000, 1, 'acme', first)
      story.closedBy(9_900, first!, 4410)
      story.opens(10_000)
    },
  },
  {
    name: 'L2: who comes back with its token is refused for others alone, and not for itself',
    finds: 'S6',
    well(story) {
      const [first] = full(story, 0, 1, 2)
      story.limit(5_000, 2)
      story.refused(9_000, undefined, { limit: 2, resumes: first })
    },
    breach(story) {
      const [first] = full(story, 0, 1, 2)
      story.refused(9_000, undefined, { resumes: first })
    },
  },
  {
    name: 'L2: a connection whose client has another is closed in time, unless its node cannot hear of that',
    finds: 'L2',
    well(story) {
      const [first] = full(story, 0, 1, 2)
      story.effect('paused', 8_000, 16_000, 0)
      story.opens(9_000, 1, 'acme', first)
      story.closedBy(19_000, first!, 4410)
    },
    breach(story) {
      const [first] = full(story, 0, 1, 2)
      story.opens(9_000, 1, 'acme', first)
      story.closedBy(19_000, first!, 4410)
    },
  },
  {
    name: 'L2: a connection is closed as taken over where nobody has shown its token, or was only refused',
    finds: 'R1–R3',
    well(story) {
      const [first] = full(story, 0, 1, 2)
      story.loses(9_000, first!)
      story.closedBy(9_200, first!, 4410)
    },
    breach(story) {
      const [first, second] = full(story, 0, 1, 2)
      story.loses(9_000, first!)
      story.closedBy(9_200, second!, 4410)
    },
  },
  {
    name: 'L2: a node that was told to stop while it let somebody in by a token may have, one that said full has not',
    finds: 'R1–R3',
    well(story) {
      const [first] = full(story, 0, 1, 2)
      story.effect('draining', 9_002, 11_000, 2)
      story.at(11_000, { is: 'exited', node: 2, code: 0, signal: null })
      story.refused(9_000, 'DRAINING', { node: 2, resumes: first })
      story.closedBy(10_500, first!, 4410)
      story.leaves(9_500, 3)
    },
    breach(story) {
      const [first] = full(story, 0, 1, 2)
      story.limit(5_000, 2)
      story.refused(9_000, undefined, { limit: 2, resumes: first })
      story.closedBy(10_500, first!, 4410)
    },
  },
  {
    name: 'S1: an attempt that reached no node took nothing over',
    finds: 'S1',
    well(story) {
      const [first] = full(story, 0, 1)
      story.effect('killed', 4_000, 6_000, 2)
      story.fails(5_000, 1, 'socket hang up', 2, first)
      for (const t of [20_000, 21_000]) story.opens(t, 1)
    },
    breach(story) {
      const [first] = full(story, 0, 1)
      story.effect('killed', 4_000, 6_000, 2)
      story.fails(5_000, 1, 'connect ECONNREFUSED 127.0.0.1:1', 2, first)
      for (const t of [20_000, 21_000]) story.opens(t, 1)
    },
  },
  {
    name: 'L1: a slot that was taken over is free with the newer one, unless the store forgot that before the old node knew',
    finds: 'L1',
    well(story) {
      const [first, second] = full(story, 0, 1, 2)
      story.effect('cut-off', 8_000, 16_000, 0)
      story.opens(9_000, 1, 'acme', first)
      story.effect('store-lost', 17_500)
      story.leaves(42_000, second!)
      story.refused(45_000)
      story.leaves(54_000, first!, 'reset')
    },
    breach(story) {
      const [first, second] = full(story, 0, 1, 2)
      story.effect('cut-off', 8_000, 16_000, 0)
      story.opens(9_000, 1, 'acme', first)
      story.leaves(42_000, second!)
      story.refused(45_000)
      story.leaves(54_000, first!, 'reset')
    },
  },
  {
    name: 'L1: who fell silent and came back unheard explains one slot, and not two',
    finds: 'L1',
    well(story) {
      const [first, second] = full(story, 0, 1, 2)
      story.leaves(8_000, first!, 'silence', 60_000)
      story.leaves(11_900, second!)
      story.loses(9_000, first!)
      // Not for the first of its own, but for the second.
      story.refused(9_800, undefined, { resumes: first })
      story.refused(12_000)
    },
    breach(story) {
      const [first, second] = full(story, 0, 1, 2)
      story.leaves(8_000, first!, 'silence', 60_000)
      story.leaves(8_500, second!)
      story.loses(9_000, first!)
      story.refused(12_000)
    },
  },
  {
    name: 'L3: who came back and never heard that it was let in keeps its slot for a quarter of the pong timeout',
    finds: 'L3',
    well(story) {
      const [first] = full(story, 0, 1, 2)
      story.loses(9_000, first!)
      story.closedBy(9_200, first!, 4410)
      story.refused(10_000, undefined, { resumes: first })
      story.refused(20_000)
    },
    breach(story) {
      const [first] = full(story, 0, 1, 2)
      story.loses(9_000, first!)
      story.closedBy(9_200, first!, 4410)
      story.refused(10_000, undefined, { resumes: first })
      story.refused(21_000)
    },
  },
  {
    name: 'L3: the same where its old connection had fallen silent, and its node closed that for it',
    finds: 'L3',
    well(story) {
      const [first] = full(story, 0, 1, 2)
      story.at(8_000, { is: 'leaving', attempt: first!, how: 'silence' })
      story.loses(9_000, first!)
      story.closedBy(53_000, first!, 4410)
      story.refused(20_000)
    },
    breach(story) {
      const [first] = full(story, 0, 1, 2)
      story.at(8_000, { is: 'leaving', attempt: first!, how: 'silence' })
      story.loses(9_000, first!)
      story.closedBy(53_000, first!, 4410)
      story.refused(21_000)
    },
  },
  {
    name: 'L2: a connection keeps its slot until the one comes for which it was closed',
    finds: 'S6',
    well(story) {
      const [first] = full(story, 0, 1, 2)
      story.effect('killed', 8_990, 9_500, 1)
      story.fails(9_000, 10, 'socket hang up', 1, first)
      story.refused(30_000)
      story.opens(50_000, 1, 'acme', first)
      story.closedBy(51_000, first!, 4410)
    },
    breach(story) {
      const [first] = full(story, 0, 1)
      story.effect('killed', 8_990, 9_500, 1)
      story.fails(9_000, 10, 'socket hang up', 1, first)
      story.refused(60_000)
      story.opens(70_000, 1, 'acme', first)
      story.closedBy(71_000, first!, 4410)
    },
  },
  {
    name: 'a node that grows',
    finds: 'R2',
    well(story) {
      for (let i = 0; i < 20; i++) story.at(i * 5_000, { is: 'rss', node: 0, pid: 1, bytes: 80e6 + i * 1e6 })
    },
    breach(story) {
      for (let i = 0; i < 20; i++) story.at(i * 5_000, { is: 'rss', node: 0, pid: 1, bytes: 80e6 + i * 20e6 })
    },
  },
]

describe('the checker of chaos runs', () => {
  test.each(cases)('$name', ({ finds, well, breach }) => {
    expect(broken(well)).toEqual([])
    expect(broken(breach)).toEqual([finds])
  })

  test('L5: slots left over, a difference that stays, an end that never came', () => {
    const late = (story: ChaosStory) => {
      story.at(1_000, { is: 'calm' })
      story.at(70_000, { is: 'compared', onlyInStore: ['ghost'], onlyInClients: [] })
      story.at(71_000, { is: 'all-closed' })
      story.at(140_000, { is: 'emptied', slotsLeft: 1 })
    }
    expect(broken(late, { ends: false })).toEqual(['L5'])
    expect(broken(() => {}, { ends: false })).toEqual(['L5'])
    expect(broken(() => {})).toEqual([])
  })

  test('shares no code with the product: it knows the records and itself', () => {
    const paths = pathsUnder('chaos/checker', '.ts')
    expect(paths).toContain('chaos/checker/check.ts')
    const imports = paths.flatMap((path) => importsOf(sourceFile(path, read(path)).uncommented))
    expect(imports.filter((name) => !name.startsWith('./') && name !== '../records.js')).toEqual([])
  })

  test('R2: one late refusal of two hundred is the machine, five are not', () => {
    const late = (count: number) => (story: ChaosStory) => {
      story.effect('store-away', 5_000, 15_000)
      for (let i = 0; i < 200; i++) {
        story.refused(6_000 + i * 10, 'STORE_UNAVAILABLE', { afterMs: i < count ? 1_500 : 255 })
      }
    }
    expect(broken(late(1))).toEqual([])
    expect(broken(late(5))).toEqual(['R2'])
  })

  test('grants the clients their own lateness, and no more', () => {
    const late = (lagMs: number) => (story: ChaosStory) => {
      story.effect('store-away', 5_000, 15_000)
      story.at(9_000, { is: 'lag', ms: lagMs })
      story.refused(8_000, 'STORE_UNAVAILABLE', { afterMs: 1_200 })
    }
    expect(broken(late(1_000))).toEqual([])
    expect(broken(late(100))).toEqual(['R2'])
  })
})

describe('the schedule of a chaos run', () => {
  const drawn = (seed: number) => {
    const plans = schedule({ seed, faults: allFaults, nodes: 3, terms: SHIPPED })
    return Array.from({ length: 2 * allFaults.length }, () => plans.next().value)
  }

  test('is the same for the same seed, and another for another', () => {
    expect(drawn(7)).toEqual(drawn(7))
    expect(drawn(7)).not.toEqual(drawn(8))
  })

  test('brings every fault once before any comes again', () => {
    const names = drawn(7).map(({ fault }) => fault.name)
    expect(new Set(names.slice(0, allFaults.length)).size).toBe(allFaults.length)
    expect(new Set(names.slice(allFaults.length)).size).toBe(allFaults.length)
  })

  test('dice are even enough, and stay within their bounds', () => {
    const dice = new Dice(1)
    const counts = new Map<number, number>()
    for (let i = 0; i < 6_000; i++) {
      const eyes = dice.whole(1, 6)
      counts.set(eyes, (counts.get(eyes) ?? 0) + 1)
    }
    expect([...counts.keys()].sort()).toEqual([1, 2, 3, 4, 5, 6])
    expect(Math.min(...counts.values())).toBeGreaterThan(850)
  })
})
