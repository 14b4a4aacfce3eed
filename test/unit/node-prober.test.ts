import { getEventListeners } from 'node:events'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { EventBus, type NodeEvents } from '../../src/core/events.js'
import type { Peer } from '../../src/core/peer.js'
import { HeldConnection } from '../../src/node/held/held-connection.js'
import { HeldConnections } from '../../src/node/held/held-connections.js'
import { Prober } from '../../src/node/probing/prober.js'
import { ReleaseQueue } from '../../src/node/queues/release-queue.js'
import { ManualClock } from '../support/manual-clock.js'
import { connectionOf, passTime, turns } from '../support/steered-node.js'
import { claim } from '../support/store-node.js'

afterEach(() => vi.restoreAllMocks())

const ACME = { name: 'org', id: 'acme' }

/** Answers when the test says. */
class SteeredPeer implements Peer {
  isSilent = true
  asked = 0
  answer: (isThere: boolean) => void = () => {}

  probe(): Promise<boolean> {
    this.asked++
    return new Promise((resolve) => {
      this.answer = resolve
    })
  }
}

function nodeWith(count: number, timeoutMs = 1_000, org = 'acme') {
  const [clock, events, held, releases] = [
    new ManualClock(),
    new EventBus(),
    new HeldConnections(),
    new ReleaseQueue(new ManualClock()),
  ]
  const prober = new Prober({ clock, events, held, releases, timeoutMs, confirmMs: 250 })
  const peers = Array.from({ length: count }, (_, i) => {
    const [connection, peer] = [connectionOf(`c-${i}`, org), new SteeredPeer()]
    connection.hold()
    connection.watch(peer)
    held.add(connection)
    return peer
  })
  const told: NodeEvents['peers.probed'][] = []
  events.on('peers.probed', (event) => told.push(event))
  const asked = () => peers.reduce((sum, peer) => sum + peer.asked, 0)
  return { clock, held, releases, prober, peers, told, asked }
}

describe('L3: the silent peers of a full org are asked whether they are still there', () => {
  test('who waits is told when they have answered or are gone, and nobody else was asked', async () => {
    const { prober, peers, told, held } = nodeWith(4)
    peers[0]!.isSilent = false
    held.get('c-1')!.leave('EVICTED')
    const waiting = prober.frees(ACME)
    await turns()
    expect(peers.map(({ asked }) => asked)).toEqual([0, 0, 1, 1])
    peers[2]!.answer(true)
    peers[3]!.answer(false)
    expect(await waiting).toBe(true)
    expect(told).toEqual([{ scope: 'org', id: 'acme', asked: 2, freed: 1 }])
  })

  test('where all answer, nothing is freed, and a stranger that hammers has them asked once a second at most', async () => {
    const { clock, prober, peers, asked } = nodeWith(1)
    for (let second = 1; second <= 5; second++) {
      const waiting = Array.from({ length: 10 }, () => prober.frees(ACME))
      await turns()
      peers[0]!.answer(true)
      expect(await Promise.all(waiting)).not.toContain(true)
      for (let n = 0; n < 100; n++) expect(await prober.frees(ACME)).toBe(false)
      expect(asked()).toBe(second)
      clock.advance(1_000)
    }
  })

  test('no longer than a round is waited, by so many and not more, and not by who has left', async () => {
    const { clock, prober } = nodeWith(1)
    const left = new AbortController()
    const leaving = prober.frees(ACME, left.signal)
    left.abort()
    expect(await leaving).toBe(false)
    const waiting = Array.from({ length: 16 }, () => prober.frees(ACME))
    expect(await prober.frees(ACME)).toBe(false)
    expect(await Promise.race([...waiting, turns()])).toBeUndefined()
    clock.advance(1_750)
    expect(await Promise.all(waiting)).not.toContain(true)
    // Of those who waited nothing is left; the round has its own end.
    expect(clock.pending).toBe(1)
    clock.advance(1_750)
    expect(clock.pending).toBe(0)
  })

  test('a signal that outlives the wait is listened to until then, and no longer', async () => {
    const { clock, prober, peers } = nodeWith(1)
    const { signal } = new AbortController()
    const listeners = () => getEventListeners(signal, 'abort').length
    const waiting = prober.frees(ACME, signal)
    await turns()
    expect(listeners()).toBe(1)
    peers[0]!.answer(true)
    expect([await waiting, listeners(), clock.pending]).toEqual([false, 0, 0])
  })

  test('a slot is free only when the store has confirmed it, or has had its time to', async () => {
    const { clock, prober, peers, releases, held } = nodeWith(1)
    const waiting = prober.frees(ACME)
    await turns()
    releases.add(held.get('c-0')!.claim)
    peers[0]!.answer(false)
    let isDone = false
    void waiting.then(() => {
      isDone = true
    })
    await turns()
    expect(isDone).toBe(false)
    clock.advance(250)
    expect(await waiting).toBe(true)
  })

  test('one that fails keeps its slot and is reported, and the others are asked all the same', async () => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => {})
    const { prober, peers, told } = nodeWith(4)
    const broken = new Error('broken')
    const throws = () => {
      throw broken
    }
    peers[0]!.probe = throws
    peers[1]!.probe = () => Promise.reject(broken)
    Object.defineProperty(peers[2], 'isSilent', { get: throws })
    const waiting = prober.frees(ACME)
    await turns()
    peers[3]!.answer(false)
    expect(await waiting).toBe(true)
    expect(told).toEqual([{ scope: 'org', id: 'acme', asked: 3, freed: 1 }])
    expect(said.mock.calls.map(([, error]) => error)).toEqual([broken, broken, broken])
  })

  test('one that never answers keeps its slot, and is asked again, with the others, when it has had twice the time', async () => {
    const { clock, prober, peers, told } = nodeWith(2)
    const waiting = prober.frees(ACME)
    await turns()
    peers[1]!.answer(true)
    await passTime(clock, 3_499, 3_499)
    expect([await waiting, told]).toEqual([false, []])
    await passTime(clock, 1)
    expect(told).toEqual([{ scope: 'org', id: 'acme', asked: 2, freed: 0 }])
    const again = prober.frees(ACME)
    await turns()
    expect(peers.map(({ asked }) => asked)).toEqual([2, 2])
    peers[1]!.answer(false)
    await turns()
    clock.advance(1_750)
    expect(await again).toBe(true)
  })

  test('one round asks 64, and 0 as the time to answer asks nobody', async () => {
    const many = nodeWith(100)
    void many.prober.look(ACME)
    expect(many.asked()).toBe(64)
    const off = nodeWith(1, 0)
    expect(await off.prober.frees(ACME)).toBe(false)
    expect(off.asked()).toBe(0)
  })

  test('the old connection of an instance is asked however lately it was heard, once a second, and if it is here', async () => {
    const { clock, prober, peers, held, asked, told } = nodeWith(0)
    const pod = { name: 'instance', id: 'acme//pod', limit: 1 }
    const [connection, peer] = [new HeldConnection(claim('pod', 'acme', 9, pod), 0), new SteeredPeer()]
    for (let n = 0; n < 1_000; n++) expect(await prober.frees({ name: 'instance', id: `acme//${n}` })).toBe(false)
    connection.hold()
    connection.watch(peer)
    held.add(connection)
    peers.push(peer)
    peer.isSilent = false
    expect(await prober.frees(ACME)).toBe(false)
    expect(asked()).toBe(0)
    const waiting = prober.frees(pod)
    await turns()
    peer.answer(true)
    expect([await waiting, await prober.frees(pod), asked()]).toEqual([false, false, 1])
    clock.advance(1_000)
    const again = prober.frees(pod)
    await turns()
    peer.answer(false)
    expect(await again).toBe(true)
    expect(told.map(({ scope, freed }) => [scope, freed])).toEqual([
      ['instance', 0],
      ['instance', 1],
    ])
  })

  /** So many of an org's instances are here, each silent. */
  function withInstances(held: HeldConnections, org: string, count: number) {
    return Array.from({ length: count }, (_, n) => {
      const its = { name: 'instance', id: `${org}//${n}`, limit: 1 }
      const [connection, peer] = [new HeldConnection(claim(`${org}-${n}`, org, 2_000, its), 0), new SteeredPeer()]
      connection.hold()
      connection.watch(peer)
      held.add(connection)
      return { its, peer }
    })
  }

  test('S5: one org’s instances, however many are asked for, leave others their rounds, of instances too', async () => {
    const { clock, prober, held, asked } = nodeWith(1)
    for (const { its } of withInstances(held, 'globex', 1_100)) prober.look(its)
    const [pod] = withInstances(held, 'initech', 1)
    for (const scope of [ACME, pod!.its]) prober.look(scope)
    expect([asked(), pod!.peer.asked]).toEqual([1, 1])
    clock.advance(10_000)
  })

  test('S5: and their places', async () => {
    const { clock, held, prober, peers } = nodeWith(1)
    const crowd = withInstances(held, 'globex', 300).map(({ its }) => prober.frees(its))
    expect(await Promise.race([crowd[256], turns()])).toBe(false)
    let isRefused = false
    const waiting = prober.frees(ACME).finally(() => (isRefused = true))
    await turns()
    expect(isRefused).toBe(false)
    peers[0]!.answer(false)
    expect(await waiting).toBe(true)
    clock.advance(1_750)
    expect(await Promise.all(crowd)).not.toContain(true)
    clock.advance(10_000)
  })

  test('what is remembered of full scopes is bounded, and forgotten', async () => {
    const { clock, prober, asked } = nodeWith(1, undefined, 'last')
    for (let n = 0; n < 1_000; n++) expect(await prober.frees({ name: 'org', id: `org-${n}` })).toBe(false)
    expect(await prober.frees({ name: 'org', id: 'last' })).toBe(false)
    expect(asked()).toBe(0)
    clock.advance(1_000)
    prober.look({ name: 'org', id: 'last' })
    expect(asked()).toBe(1)
  })
})
