import { PassThrough } from 'node:stream'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Link } from '../../src/gate/link.js'
import { LinkPeer } from '../../src/gate/link-peer.js'
import { PingWheel } from '../../src/gate/ping-wheel.js'
import { ManualClock } from '../support/manual-clock.js'
import { until } from '../support/until.js'

const TIMEOUT_MS = 30_000
const ANSWER_MS = 1_000

function open() {
  const clock = new ManualClock(12_345)
  const socket = new PassThrough()
  const pings: number[] = []
  const ws = {
    isPaused: false,
    ping: () => pings.push(clock.monotonicMs()),
    close: () => {},
    terminate: () => socket.destroy(),
  }
  const link = new Link(ws, socket, clock)
  const wheel = new PingWheel(clock, TIMEOUT_MS)
  onTestFinished(() => {
    wheel.stop()
    socket.destroy()
  })
  return { clock, socket, ws, pings, link, wheel, peer: new LinkPeer(link, socket, wheel, clock, () => {}) }
}

describe('L3: a peer that is asked whether it is still there', () => {
  test('is silent only after a ping interval without a byte, and not for time in which the process stood still', () => {
    const { clock, link, peer, wheel } = open()
    clock.advance((TIMEOUT_MS * 2) / 3)
    expect(peer.isSilent).toBe(false)
    clock.advance(1)
    expect(peer.isSilent).toBe(true)
    link.hear()
    expect(peer.isSilent).toBe(false)
    wheel.add(link)
    clock.freeze(TIMEOUT_MS)
    clock.advance(200)
    expect(peer.isSilent).toBe(false)
  })

  test('is there as soon as it says anything', async () => {
    const { clock, link, pings, peer, socket } = open()
    const answer = peer.probe(ANSWER_MS)
    expect(pings).toHaveLength(1)
    clock.advance(350)
    link.hear()
    clock.advance(100)
    expect(await answer).toBe(true)
    expect([socket.destroyed, clock.pending, socket.listenerCount('close')]).toEqual([false, 0, 0])
  })

  test('is cut off when its time is over and not before, and the answer waits until it has really closed', async () => {
    const { clock, peer, socket } = open()
    const answer = peer.probe(ANSWER_MS)
    clock.advance(ANSWER_MS - 1)
    expect(socket.destroyed).toBe(false)
    clock.advance(1)
    expect(socket.destroyed).toBe(true)
    expect(await answer).toBe(false)
    expect(socket.closed).toBe(true)
    expect(clock.pending).toBe(0)
  })

  test('has its full time also where the process stands still meanwhile', async () => {
    const { clock, link, peer, socket } = open()
    const answer = peer.probe(ANSWER_MS)
    clock.advance(200)
    clock.freeze(60_000)
    clock.advance(500)
    expect(socket.destroyed).toBe(false)
    link.hear()
    clock.advance(100)
    expect(await answer).toBe(true)
  })

  test('cannot be judged while the program has paused its socket, and is from when that is resumed', async () => {
    const { clock, socket, ws, pings, wheel, link, peer } = open()
    wheel.add(link)
    ws.isPaused = true
    clock.advance(3 * TIMEOUT_MS)
    expect([peer.isSilent, pings, socket.destroyed]).toEqual([false, [], false])
    const answer = peer.probe(ANSWER_MS)
    clock.advance(ANSWER_MS)
    expect(await answer).toBe(true)
    ws.isPaused = false
    expect(peer.isSilent).toBe(true)
    clock.advance(TIMEOUT_MS)
    expect([pings.length, socket.destroyed]).toEqual([2, true])
  })

  test('is not there where its connection ends by itself', async () => {
    const { clock, peer, socket } = open()
    const answer = peer.probe(ANSWER_MS)
    socket.destroy()
    expect(await answer).toBe(false)
    expect(clock.pending).toBe(0)
    await until(() => socket.closed)
    expect(await peer.probe(ANSWER_MS)).toBe(false)
  })
})
