import { afterEach, describe, expect, test } from 'vitest'
import { Attempts } from '../../src/node/admission/attempts.js'
import { HeldConnection } from '../../src/node/held/held-connection.js'
import { HeldConnections } from '../../src/node/held/held-connections.js'
import { WaitingRoom } from '../../src/node/probing/waiting-room.js'
import type { AdmissionOutcome } from '../../src/node/queues/admission-queue.js'
import type { ScopeClaim, ScopeRef } from '../../src/store/lease-store.js'
import { ManualClock } from '../support/manual-clock.js'
import { passTime, turns } from '../support/steered-node.js'

const ORG: ScopeClaim = { name: 'org', id: 'acme', limit: 3 }
const instance = (pod: string): ScopeClaim => ({ name: 'instance', id: `acme//${pod}`, limit: 1 })
const [ORG_FULL, INSTANCE_FULL] = [0, 1]
/** After what pauses it is asked again: from 25 ms, twice as long each time, 250 ms at most. */
const PAUSES = [25, 50, 100, 200, 250, 250]

const clock = new ManualClock()
afterEach(() => expect(clock.pending).toBe(0))

const granted: AdmissionOutcome = { kind: 'decided', verdict: { admitted: true, count: 1, limit: 3 } }
const fullIn = (scope: number): AdmissionOutcome => ({
  kind: 'decided',
  verdict: { admitted: false, reason: 'full', scope, count: 3, limit: 3 },
})

interface World {
  /** What the store says to the n-th question, from 0; to all further ones the same as to the last. */
  readonly answers: readonly AdmissionOutcome[]
  /** Scopes in which somebody who was silent is found to be gone. */
  readonly freed?: readonly string[]
  /** In how many ms other nodes will have looked. */
  readonly lookedInMs?: number
}

function attemptsIn({ answers, freed = [], lookedInMs }: World) {
  const held = new HeldConnections()
  const asked: { id: string; atMs: number }[] = []
  const [lookedFor, askedFarFor, knownElsewhere] = [[] as string[], [] as string[], [] as boolean[]]
  let admits = true
  let next = 0
  const startMs = clock.monotonicMs()
  const ask = async ({ id }: HeldConnection, signal?: AbortSignal): Promise<AdmissionOutcome> => {
    asked.push({ id, atMs: clock.monotonicMs() - startMs })
    if (signal?.aborted) return { kind: 'abandoned' }
    return answers[Math.min(asked.length, answers.length) - 1]!
  }
  const attempts = new Attempts({
    ...{ clock, held, admits: () => admits, room: new WaitingRoom() },
    admissions: { ask },
    probing: {
      near: {
        frees: async ({ name }: ScopeRef) => {
          lookedFor.push(name)
          return freed.includes(name)
        },
      },
      far: {
        doneInMs: async ({ name }: ScopeRef, _: string, isElsewhere = false) => {
          askedFarFor.push(name)
          knownElsewhere.push(isElsewhere)
          return lookedInMs
        },
      },
    },
  })
  const connection = (pod: string | undefined, org = ORG) => {
    const scopes: [ScopeClaim, ...ScopeClaim[]] = pod ? [org, instance(pod)] : [org]
    return new HeldConnection({ id: `c-${next++}`, scopes, details: '{}' }, clock.monotonicMs())
  }
  const decide = async (pod?: string, signal?: AbortSignal, org = ORG) => {
    const first = connection(pod, org)
    const outcome = await ask(first, signal)
    return attempts.goOn({ connection: first, outcome }, () => connection(pod, org), signal)
  }
  const stop = () => {
    admits = false
  }
  return {
    attempts,
    held,
    asked,
    lookedFor,
    askedFarFor,
    knownElsewhere,
    connection,
    decide,
    stop,
    times: () => asked.map(({ atMs }) => atMs),
  }
}

/** When it is asked again, from the second time on, if the last is due before `endMs`. */
function againUntil(endMs: number): number[] {
  const times = []
  for (let atMs = 0; atMs < endMs; times.push(atMs)) atMs += PAUSES[Math.min(times.length, PAUSES.length - 1)]!
  return times
}

async function decided<T>(deciding: Promise<T>): Promise<T> {
  await turns()
  await passTime(clock, 3_000, 25)
  return deciding
}

describe('who names no instance', () => {
  test.each([
    ['has a slot', granted],
    ['is told that the store is away', { kind: 'unavailable', cause: 'gone' } as const],
  ])('%s by the first answer, and nobody is looked for', async (_, answer) => {
    const { decide, asked, lookedFor } = attemptsIn({ answers: [answer] })
    const { connection, outcome } = await decide()
    expect([connection.id, outcome, asked.length, lookedFor]).toEqual(['c-0', answer, 1, []])
  })

  test('is asked for again, as another, where somebody silent has made room', async () => {
    const { decide, times, lookedFor, askedFarFor } = attemptsIn({ answers: [fullIn(0), granted], freed: ['org'] })
    const { connection, outcome } = await decide()
    expect([connection.id, outcome, lookedFor, askedFarFor]).toEqual(['c-1', granted, ['org'], []])
    expect(times()).toEqual([0, 0])
  })

  test('is refused where nobody has, and waits for no other node', async () => {
    const { decide, asked, lookedFor } = attemptsIn({ answers: [fullIn(0), granted], lookedInMs: 500 })
    const { connection, outcome } = await decide()
    expect([connection.id, outcome, asked.length, lookedFor]).toEqual(['c-0', fullIn(0), 1, ['org']])
  })

  test('and has left: asked once more, to be told so', async () => {
    const { decide, asked } = attemptsIn({ answers: [fullIn(0)] })
    const gone = new AbortController()
    const deciding = decide(undefined, gone.signal)
    gone.abort()
    const { outcome } = await deciding
    expect([outcome, asked.length]).toEqual([{ kind: 'abandoned' }, 2])
  })

  test('is not asked for again by a node that stops', async () => {
    const { decide, asked, stop } = attemptsIn({ answers: [fullIn(0), granted], freed: ['org'] })
    const deciding = decide()
    stop()
    expect([(await deciding).outcome, asked.length]).toEqual([fullIn(0), 1])
  })
})

describe('an instance that comes back (L3)', () => {
  test('is looked for besides whatever is full, once', async () => {
    const org = attemptsIn({ answers: [fullIn(ORG_FULL), granted], freed: ['instance'] })
    const back = await org.decide('pod')
    expect([back.connection.id, back.outcome, org.lookedFor.sort()]).toEqual(['c-1', granted, ['instance', 'org']])
    const own = attemptsIn({ answers: [fullIn(INSTANCE_FULL), granted], freed: ['instance'] })
    expect((await own.decide('pod')).outcome).toEqual(granted)
    expect([own.lookedFor, own.askedFarFor]).toEqual([['instance'], ['instance']])
  })

  test('waits while another node looks, is asked for again ever more rarely, and has the slot once it is free', async () => {
    const answers = [fullIn(ORG_FULL), fullIn(ORG_FULL), fullIn(ORG_FULL), granted]
    const { decide, times } = attemptsIn({ answers, lookedInMs: 1_000 })
    const { connection, outcome } = await decided(decide('pod'))
    expect([connection.id, outcome, times()]).toEqual(['c-3', granted, [0, 25, 75, 175]])
  })

  test.each([
    ['half a second after that node should have looked', 1_000, 1_500],
    ['2.25 s after it came at most', 5_000, 2_250],
  ])('is refused %s', async (_, lookedInMs, endMs) => {
    const { decide, times } = attemptsIn({ answers: [fullIn(ORG_FULL)], lookedInMs })
    const { connection, outcome } = await decided(decide('pod'))
    expect(times()).toEqual([0, ...againUntil(endMs)])
    expect([connection.id, outcome]).toEqual([`c-${times().length - 1}`, fullIn(ORG_FULL)])
  })

  test('whose old connection is here, and answers, is refused at once', async () => {
    const { decide, held, connection, asked } = attemptsIn({ answers: [fullIn(INSTANCE_FULL)] })
    const old = connection('pod')
    old.hold()
    held.add(old)
    expect([(await decide('pod')).outcome, asked.length]).toEqual([fullIn(INSTANCE_FULL), 1])
  })

  test('whose slot is taken although it is not here must be elsewhere, whatever this node has heard of others', async () => {
    const elsewhere = attemptsIn({ answers: [fullIn(INSTANCE_FULL), granted], lookedInMs: 500 })
    await decided(elsewhere.decide('pod'))
    const org = attemptsIn({ answers: [fullIn(ORG_FULL)] })
    await decided(org.decide('pod'))
    const here = attemptsIn({ answers: [fullIn(INSTANCE_FULL)] })
    const old = here.connection('pod')
    old.hold()
    here.held.add(old)
    await decided(here.decide('pod'))
    expect([elsewhere, org, here].map(({ knownElsewhere }) => knownElsewhere)).toEqual([[true], [false], [false]])
  })

  test('whose slot is taken although nobody is here or elsewhere waits until it has been given back', async () => {
    const { decide, times } = attemptsIn({ answers: [fullIn(INSTANCE_FULL)] })
    await decided(decide('pod'))
    expect(times()).toEqual([0, ...againUntil(500)])
  })

  test('and finds the org full, with nobody to ask, is refused at once', async () => {
    const { decide, asked } = attemptsIn({ answers: [fullIn(ORG_FULL)] })
    expect([(await decide('pod')).outcome, asked.length]).toEqual([fullIn(ORG_FULL), 1])
  })

  test('waits no longer than its client, and not for a node that stops', async () => {
    const leaving = attemptsIn({ answers: [fullIn(ORG_FULL)], lookedInMs: 1_000 })
    const left = new AbortController()
    const waiting = leaving.decide('pod', left.signal)
    await turns()
    left.abort()
    expect((await waiting).outcome).toEqual({ kind: 'abandoned' })
    const stopping = attemptsIn({ answers: [fullIn(ORG_FULL)], lookedInMs: 1_000 })
    const deciding = stopping.decide('pod')
    await turns()
    await passTime(clock, 25, 25)
    stopping.stop()
    expect((await decided(deciding)).outcome).toEqual(fullIn(ORG_FULL))
    expect(stopping.times()).toEqual([0, 25])
  })

  test('waits beside 255 others of its org; who comes beyond is refused at once, until one of them has gone', async () => {
    const { decide, asked, askedFarFor } = attemptsIn({ answers: [fullIn(ORG_FULL)], lookedInMs: 1_000 })
    const left = new AbortController()
    const waiting = Array.from({ length: 256 }, (_, n) => decide(`pod-${n}`, n === 0 ? left.signal : undefined))
    await turns()
    expect((await decide('pod')).connection.id).toBe('c-256')
    // Looked for it is all the same.
    expect([asked.length, askedFarFor.length]).toEqual([257, 257])
    left.abort()
    await turns()
    let isDecided = false
    const another = decide('pod').finally(() => {
      isDecided = true
    })
    await turns()
    expect(isDecided).toBe(false)
    await decided(Promise.all([...waiting, another]))
  })

  test('waits beside three of its own name, and leaves its org’s other instances their places', async () => {
    const { decide } = attemptsIn({ answers: [fullIn(INSTANCE_FULL)], lookedInMs: 1_000 })
    const crowd = Array.from({ length: 300 }, () => decide('pod'))
    await turns()
    let waiting = crowd.length + 1
    const all = [...crowd, decide('another')].map((deciding) => deciding.finally(() => waiting--))
    await turns()
    expect(waiting).toBe(5)
    await decided(Promise.all(all))
  })

  test('S5: waits although another org has as many waiting as it may', async () => {
    const { decide } = attemptsIn({ answers: [fullIn(ORG_FULL)], lookedInMs: 1_000 })
    const crowd = Array.from({ length: 1_000 }, (_, n) => decide(`pod-${n}`))
    await turns()
    let isDecided = false
    const other = decide('pod', undefined, { ...ORG, id: 'globex' }).finally(() => {
      isDecided = true
    })
    await turns()
    expect(isDecided).toBe(false)
    await decided(Promise.all([...crowd, other]))
  })

  test('leaves its place to others where a fault throws it out', async () => {
    const { attempts, connection, decide, asked } = attemptsIn({ answers: [fullIn(ORG_FULL)], lookedInMs: 1_000 })
    const faulty = () => {
      throw new Error('a fault')
    }
    const refused = Array.from({ length: 256 }, (_, n) =>
      attempts.goOn({ connection: connection(`pod-${n}`), outcome: fullIn(ORG_FULL) }, faulty),
    )
    const settled = Promise.allSettled(refused)
    await turns()
    await passTime(clock, 25, 25)
    expect(new Set((await settled).map(({ status }) => status))).toEqual(new Set(['rejected']))
    await decided(decide('pod'))
    expect(asked.length).toBeGreaterThan(1)
  })
})
