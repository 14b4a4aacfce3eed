import { expect, test } from 'vitest'
import { nodeStage } from '../support/node-stage.js'
import { passTime, turns } from '../support/steered-node.js'

const stage = nodeStage({ events: ['lease.renewed'] })
const POD = { org: 'acme', instance: 'pod' }
const INSTANCES = { limits: { instance: true } }

const pass = (ms: number) => passTime(stage.clock, ms)

test('L3: an instance is back whose dead connection is on a node that has started a moment ago', async () => {
  const old = await stage.start(INSTANCES)
  const young = await stage.start(INSTANCES)
  const ghost = await young.admit(POD)
  if (!ghost.admitted) throw new Error(`refused: ${ghost.code}`)
  ghost.watch({
    isSilent: false,
    probe: async () => {
      ghost.release()
      return false
    },
  })
  const back = old.admit(POD)
  await turns()
  // Of its neighbour it has not heard.
  expect(stage.told).toEqual([
    ['lease.renewed', { liveNodes: 1, deadLeases: 0, recoveryMs: 0 }],
    ['lease.renewed', { liveNodes: 2, deadLeases: 0, recoveryMs: 0 }],
  ])
  await pass(1_000)
  expect(await back).toMatchObject({ admitted: true })
})
