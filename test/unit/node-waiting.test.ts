import { expect, test, vi } from 'vitest'
import type { AdmissionRequest, Asker } from '../../src/core/admission.js'
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

test('who asks is told when it comes to wait, once, and not where it is answered at once', async () => {
  const node = await stage.start({ ...INSTANCES, connectionsPerOrg: 1 })
  const ask = (request: AdmissionRequest) => {
    const asker: Asker = Object.assign(new AbortController().signal, { waits: vi.fn() })
    return { asker, asked: node.admit(request, asker) }
  }
  const first = ask(POD)
  await turns()
  const holder = await first.asked
  if (!holder.admitted) throw new Error(`refused: ${holder.code}`)
  const inVain = ask({ org: 'acme' })
  await inVain.asked
  let answer = (_: boolean) => {}
  const answered = new Promise<boolean>((resolve) => {
    answer = resolve
  })
  holder.watch({ isSilent: true, probe: () => answered })
  await pass(1_000)
  // The org is full and so is the instance: it waits for two rounds.
  const waiting = ask(POD)
  await turns()
  expect([first, inVain, waiting].map(({ asker }) => vi.mocked(asker.waits!).mock.calls.length)).toEqual([0, 0, 1])
  answer(true)
  await turns()
  expect(await waiting.asked).toMatchObject({ admitted: false })
})
