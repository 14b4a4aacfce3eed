import { beforeEach, describe, expect, test } from 'vitest'
import { EventBus, type NodeEvents } from '../../src/core/events.js'
import { Takeovers } from '../../src/node/admission/takeovers.js'
import { HeldConnection } from '../../src/node/held/held-connection.js'
import { HeldConnections } from '../../src/node/held/held-connections.js'
import type { Session } from '../../src/node/lease/session.js'
import { Sweeper } from '../../src/node/lease/sweeper.js'
import { ManualClock } from '../support/manual-clock.js'
import { claimOf, connectionOf, SessionMaker, steeredStore, turns } from '../support/steered-node.js'
import type { SteeredStore } from '../support/steered-store.js'

let clock: ManualClock
let store: SteeredStore
let sessions: SessionMaker
let session: Session

beforeEach(async () => {
  clock = new ManualClock()
  store = steeredStore(clock)
  sessions = new SessionMaker(store)
  session = await sessions.next()
})

const acquire = (id: string) => session.call((connection, fence) => connection.acquire(fence, [claimOf(id)]))
const tables = () => store.inner.tables

describe('a session', () => {
  test('ends with its connection, for the reason that this gives', async () => {
    await session.call(async (connection) => {
      connection.destroy('cut')
      return { status: 'ok', value: undefined }
    })
    await turns()
    expect([session.end, session.ended.aborted]).toEqual([{ why: 'closed', cause: 'cut' }, true])
  })

  test('says nothing more once it has ended, and ends once', async () => {
    session.close('closed', 'first')
    session.close('lost', 'second')
    let said = 0
    const reply = await session.call(async () => {
      said++
      return { status: 'ok', value: undefined }
    })
    expect([reply, said]).toEqual([{ status: 'unanswered', cause: 'first' }, 0])
    expect(session.end).toEqual({ why: 'closed', cause: 'first' })
  })

  test('S3: does not use what is answered after its end, although the store has done it', async () => {
    let answer: (() => void) | undefined
    const asked = session.call(async (connection, fence) => {
      const reply = await connection.acquire(fence, [claimOf('a')])
      await new Promise<void>((resolve) => {
        answer = resolve
      })
      return reply
    })
    await turns()
    session.close('closed', 'gone')
    answer!()
    expect(await asked).toEqual({ status: 'unanswered', cause: 'gone' })
    expect(tables().scope('org:acme').size).toBe(1)
  })

  test('outlives an admission that is refused because the store recovers, and no other refusal', async () => {
    tables().recovery = { fromMs: 1, limitMs: 1 }
    expect(await acquire('a')).toMatchObject({ reason: 'recovering' })
    expect(session.end).toBeUndefined()
    tables().recovery = undefined
    expect(await acquire('a')).toMatchObject({ status: 'ok' })
    await sessions.next()
    expect(await acquire('b')).toEqual({ status: 'refused', reason: 'stale' })
    expect(session.end).toEqual({ why: 'stale', cause: 'lease stale' })
  })
})

describe('the sweeper (L2)', () => {
  let swept: NodeEvents['lease.swept'][]
  let sweeper: Sweeper

  beforeEach(() => {
    const events = new EventBus()
    swept = []
    events.on('lease.swept', (event) => swept.push(event))
    sweeper = new Sweeper(events)
  })

  function dead(lease: number, count: number): void {
    for (let i = 0; i < count; i++) tables().take(lease, claimOf(`${lease}-${i}`, 'acme', 1_000))
    tables().dead.add(lease)
  }

  test('removes what each dead lease left, step by step, and says how much that was', async () => {
    dead(1, 150)
    dead(2, 0)
    sweeper.take(session, [1, 2])
    await turns()
    expect(swept).toEqual([
      { lease: 1, connections: 150 },
      { lease: 2, connections: 0 },
    ])
    expect([tables().scopes.size, tables().dead.size]).toEqual([0, 0])
  })

  test('one call at a time, however often it is told; what it hears meanwhile comes after that', async () => {
    for (const lease of [1, 2]) dead(lease, 3)
    store.holdUp('sweep')
    sweeper.take(session, [])
    expect(store.calls).toHaveLength(0)
    for (const leases of [[1], [1], [1, 2], []]) sweeper.take(session, leases)
    await turns()
    expect(store.calls.map(({ said }) => said[1])).toEqual([1])
    store.letThrough('sweep')
    await store.calls[0]!.answer()
    await turns()
    expect(new Set(swept.map(({ lease }) => lease))).toEqual(new Set([1, 2]))
    expect(tables().scopes.size).toBe(0)
  })

  test('stops with its session, and begins again with the next', async () => {
    for (const lease of [1, 2]) dead(lease, 3)
    store.holdUp('sweep')
    sweeper.take(session, [1, 2])
    await turns()
    store.calls[0]!.giveUp()
    await turns()
    expect([swept, store.calls]).toEqual([[], []])
    store.letThrough('sweep')
    session = await sessions.next()
    sweeper.take(session, [])
    await turns()
    expect(swept).toEqual([])
    sweeper.take(session, [1, 2])
    await turns()
    expect(swept).toHaveLength(2)
  })
})

describe('a takeover', () => {
  const KIM = { org: 'acme', gateway: 'kim' }

  function takeovers() {
    const [held, events] = [new HeldConnections(), new EventBus()]
    const told: NodeEvents['connection.taken_over'][] = []
    events.on('connection.taken_over', (event) => told.push(event))
    return { held, told, parts: new Takeovers({ clock, events, held, secret: 'ours' }) }
  }

  test('replaces what the node itself names, else whose token is shown, else nothing', () => {
    const { parts } = takeovers()
    const resumeToken = parts.tokens.issue(KIM, 'abc-1')!
    expect(parts.replacedBy({ ...KIM, resumeToken })).toBe('abc-1')
    expect(parts.replacedBy({ ...KIM, resumeToken, replaces: 'abc-2' })).toBe('abc-2')
    for (const replaces of ['', 'abc', '-1', 'abc-2 org', 'a'.repeat(8_000), `abc-${'2'.repeat(12)}`]) {
      expect(parts.replacedBy({ ...KIM, resumeToken, replaces }), 'what was never given to anybody').toBeUndefined()
    }
    expect(parts.replacedBy({ org: 'acme', resumeToken })).toBeUndefined()
    expect(parts.replacedBy(KIM)).toBeUndefined()
  })

  test('closes the old connection if it is open here, and tells of it wherever it was', () => {
    const { held, told, parts } = takeovers()
    const old = connectionOf('old')
    held.add(old)
    const heir = (replaces?: string) => new HeldConnection(claimOf('new'), 0, replaces)
    // Still being admitted here: the store knows of no slot of its own.
    parts.tookOver(heir('old'))
    expect(old.lost.aborted).toBe(false)
    old.hold()
    parts.tookOver(heir('old'))
    expect([old.lost.reason, old.leaving]).toEqual(['TAKEN_OVER', true])
    parts.tookOver(heir('elsewhere'))
    parts.tookOver(heir())
    const event = (replaced: string) => ({ connectionId: 'new', org: 'acme', replaced })
    expect(told).toEqual([event('old'), event('old'), event('elsewhere')])
  })

  test('leaves one that is closing already with the reason it was given', () => {
    const { held, parts } = takeovers()
    const old = connectionOf('old')
    old.hold()
    held.add(old)
    old.leave('EVICTED')
    parts.tookOver(new HeldConnection(claimOf('new'), 0, 'old'))
    expect(old.lost.reason).toBe('EVICTED')
  })
})
