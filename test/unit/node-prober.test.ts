import { getEventListeners } from 'node:events'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { EventBus, type NodeEvents } from '../../src/core/events.js'
import type { Peer } from '../../src/core/peer.js'
import { HeldConnection } from '../../src/node/held/held-connection.js'
import { HeldConnections } from '../../src/node/held/held-connections.js'
import { Prober } from '../../src/node/probing/prober.js'
import { Waiter } from '../../src/node/probing/waiter.js'
import { WaitingRoom } from '../../src/node/probing/waiting-room.js'
import { ReleaseQueue } from '../../src/node/queues/release-queue.js'
import type { ScopeRef } from '../../src/store/lease-store.js'
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
  const room = new WaitingRoom()
  const frees = async (scope: ScopeRef, signal?: AbortSignal, asker = org) => {
    const waiter = new Waiter(room, { org: asker }, signal)
    return prober.frees(scope, waiter).finally(() => waiter.leave())
  }
  const asked = () => peers.reduce((sum, peer) => sum + peer.asked, 0)
  return { clock, held, releases, prober, frees, peers, told, asked }
}

describe('L3: the silent peers of a full org are asked whether they are still there', () => {
  test('who waits is told when they have answered or are gone, and nobody else was asked', async () => {
    const { frees, peers, told, held } = nodeWith(4)
    peers[0]!.isSilent = false
    held.get('c-1')!.leave('EVICTED')
    const waiting = frees(ACME)
    await turns()
    expect(peers.map(({ asked }) => asked)).toEqual([0, 0, 1, 1])
    peers[2]!.answer(true)
    peers[3]!.answer(false)
    expect(await waiting).toBe(true)
    expect(told).toEqual([{ scope: 'org', id: 'acme', asked: 2, freed: 1 }])
  })

  test('where all answer, nothing is freed, and a stranger that hammers has them asked once a second at most', async () => {
    const { clock, frees, peers, asked } = nodeWith(1)
    for (let second = 1; second <= 5; second++) {
      const waiting = Array.from({ length: 10 }, () => frees(ACME))
      await turns()
      peers[0]!.answer(true)
      expect(await Promise.all(waiting)).not.toContain(true)
      for (let n = 0; n < 100; n++) expect(await frees(ACME)).toBe(false)
      expect(asked()).toBe(second)
      clock.advance(1_000)
    }
  })

  test('no longer than a round is waited, by so many and not more, and not by who has left', async () => {
    const { clock, frees } = nodeWith(1)
    const left = new AbortController()
    const leaving = frees(ACME, left.signal)
    left.abort()
    expect(await leaving).toBe(false)
    const waiting = Array.from({ length: 16 }, () => frees(ACME))
    expect(await frees(ACME)).toBe(false)
    expect(await Promise.race([...waiting, turns()])).toBeUndefined()
    clock.advance(1_750)
    expect(await Promise.all(waiting)).not.toContain(true)
    // Of those who waited nothing is left; the round has its own end.
    expect(clock.pending).toBe(1)
    clock.advance(1_750)
    expect(clock.pending).toBe(0)
  })

  test('S5: of a limit that orgs share one org takes half of the places, and another waits with it', async () => {
    const { frees, peers, held } = nodeWith(0)
    const site = { name: 'cluster', id: '', limit: 1 }
    const [connection, peer] = [new HeldConnection(claim('c', 'initech', 9, site), 0), new SteeredPeer()]
    connection.hold()
    connection.watch(peer)
    held.add(connection)
    peers.push(peer)
    const crowd = Array.from({ length: 40 }, () => frees(site, undefined, 'globex'))
    const another = frees(site, undefined, 'acme')
    await turns()
    peer.answer(false)
    const freed = (await Promise.all(crowd)).filter((isFreed) => isFreed)
    expect([freed.length, await another]).toEqual([16, true])
  })

  test('a signal that outlives the wait is listened to until then, and no longer', async () => {
    const { clock, frees, peers } = nodeWith(1)
    const { signal } = new AbortController()
    const listeners = () => getEventListeners(signal, 'abort').length
    const waiting = frees(ACME, signal)
    await turns()
    expect(listeners()).toBe(1)
    peers[0]!.answer(true)
    expect([await waiting, listeners(), clock.pending]).toEqual([false, 0, 0])
  })

  test('a slot is free only when the store has confirmed it, or has had its time to', async () => {
    const { clock, frees, peers, releases, held } = nodeWith(1)
    const waiting = frees(ACME)
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
    const { frees, peers, told } = nodeWith(4)
    const broken = new Error('broken')
    const throws = () => {
      throw broken
    }
    peers[0]!.probe = throws
    peers[1]!.probe = () => Promise.reject(broken)
    Object.defineProperty(peers[2], 'isSilent', { get: throws })
    const waiting = frees(ACME)
    await turns()
    peers[3]!.answer(false)
    expect(await waiting).toBe(true)
    expect(told).toEqual([{ scope: 'org', id: 'acme', asked: 3, freed: 1 }])
    expect(said.mock.calls.map(([, error]) => error)).toEqual([broken, broken, broken])
  })

  test('one that never answers keeps its slot, and is asked again, with the others, when it has had twice the time', async () => {
    const { clock, frees, peers, told } = nodeWith(2)
    const waiting = frees(ACME)
    await turns()
    peers[1]!.answer(true)
    await passTime(clock, 3_499, 3_499)
    expect([await waiting, told]).toEqual([false, []])
    await passTime(clock, 1)
    expect(told).toEqual([{ scope: 'org', id: 'acme', asked: 2, freed: 0 }])
    const again = frees(ACME)
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
    expect(await off.frees(ACME)).toBe(false)
    expect(off.asked()).toBe(0)
  })

  test('the old connection of an instance is asked however lately it was heard, once a second, and if it is here', async () => {
    const { clock, frees, peers, held, asked, told } = nodeWith(0)
    const pod = { name: 'instance', id: 'acme//pod', limit: 1 }
    const [connection, peer] = [new HeldConnection(claim('pod', 'acme', 9, pod), 0), new SteeredPeer()]
    for (let n = 0; n < 1_000; n++) expect(await frees({ name: 'instance', id: `acme//${n}` })).toBe(false)
    connection.hold()
    connection.watch(peer)
    held.add(connection)
    peers.push(peer)
    peer.isSilent = false
    expect(await frees(ACME)).toBe(false)
    expect(asked()).toBe(0)
    const waiting = frees(pod)
    await turns()
    peer.answer(true)
    expect([await waiting, await frees(pod), asked()]).toEqual([false, false, 1])
    clock.advance(1_000)
    const again = frees(pod)
    await turns()
    peer.answer(false)
    expect(await again).toBe(true)
    expect(told.map(({ scope, freed }) => [scope, freed])).toEqual([
      ['instance', 0],
      ['instance', 1],
    ])
  })

  /** So many of an org's connections are here, each silent, and each alone in such a scope. */
  function inScopes(held: HeldConnections, org: string, count: number, scopeOf: (n: number) => ScopeRef) {
    return Array.from({ length: count }, (_, n) => {
      const its = { ...scopeOf(n), limit: 1 }
      const [connection, peer] = [new HeldConnection(claim(`${org}-${n}`, org, 2_000, its), 0), new SteeredPeer()]
      connection.hold()
      connection.watch(peer)
      held.add(connection)
      return { its, peer }
    })
  }

  const NAMED: readonly (readonly [string, (n: number) => ScopeRef])[] = [
    ['its instances', (n) => ({ name: 'instance', id: `globex//${n}` })],
    ['the addresses that it comes from', (n) => ({ name: 'address', id: `10.0.0.${n}` })],
    ['a program’s own scopes', (n) => ({ name: 'user', id: `eu/acme/${n}` })],
  ]

  test.each(NAMED)('S5: one org leaves others their rounds, however many are asked for of %s', async (_, scopeOf) => {
    const { clock, prober, held, asked } = nodeWith(1)
    const crowd = inScopes(held, 'globex', 1_100, scopeOf)
    for (const { its } of crowd) prober.look(its, 'globex')
    expect(crowd.filter(({ peer }) => peer.asked > 0).length).toBe(500)
    const [another] = inScopes(held, 'acme', 1, () => ({ ...scopeOf(0), id: 'eu/acme/another' }))
    for (const scope of [ACME, another!.its]) prober.look(scope, 'acme')
    // It is in its org too, and as silent as the first.
    expect([asked(), another!.peer.asked]).toEqual([1, 2])
    clock.advance(10_000)
  })

  test.each(NAMED)('S5: and their places, whoever waits in %s', async (_, scopeOf) => {
    const { clock, held, frees, peers } = nodeWith(1)
    const crowd = inScopes(held, 'globex', 300, scopeOf).map(({ its }) => frees(its, undefined, 'globex'))
    expect(await Promise.race([crowd[256], turns()])).toBe(false)
    let isRefused = false
    const waiting = frees(ACME).finally(() => (isRefused = true))
    await turns()
    expect(isRefused).toBe(false)
    peers[0]!.answer(false)
    expect(await waiting).toBe(true)
    clock.advance(1_750)
    expect(await Promise.all(crowd)).not.toContain(true)
    clock.advance(10_000)
  })

  test('what another node asks for is looked for, though its org has taken all its rounds', async () => {
    const { clock, prober, held, asked } = nodeWith(1)
    for (const { its } of inScopes(held, 'acme', 1_100, (n) => ({ name: 'address', id: `10.0.0.${n}` })))
      prober.look(its, 'acme')
    prober.look(ACME, 'acme')
    expect(asked()).toBe(0)
    prober.look(ACME)
    expect(asked()).toBe(1)
    clock.advance(10_000)
  })

  test('what is remembered of full scopes is bounded, and forgotten', async () => {
    const { clock, prober, frees, asked } = nodeWith(1, undefined, 'last')
    for (let n = 0; n < 1_000; n++)
      expect(await frees({ name: 'org', id: `org-${n}` }, undefined, `org-${n}`)).toBe(false)
    expect(await frees({ name: 'org', id: 'last' })).toBe(false)
    expect(asked()).toBe(0)
    clock.advance(1_000)
    prober.look({ name: 'org', id: 'last' }, 'last')
    expect(asked()).toBe(1)
  })
})
