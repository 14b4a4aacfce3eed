import type { IncomingMessage } from 'node:http'
import { describe, expect, test } from 'vitest'
import type { Identification } from '../../src/gate/identify.js'
import { Identities } from '../../src/identity/identities.js'
import type { IdentitySource } from '../../src/identity/identity-source.js'
import { MeasuredSource } from '../../src/identity/measured-source.js'
import { ManualClock } from '../support/manual-clock.js'

type Answer = ReturnType<IdentitySource['identify']>

const identified = (org: string): Identification => ({ identified: true, identity: { org, gateway: 'g' } })
const REFUSED: Identification = { identified: false, code: 'ORG_DISABLED' }
const UNAUTHENTICATED = { identified: false, code: 'UNAUTHENTICATED' }

/** Sources that answer so, which of them were asked, and whether each lets stay whom it let in. */
function world(...answers: (() => Answer)[]) {
  const asked: number[] = []
  const mayStay = answers.map(() => true)
  const sources = answers.map(
    (answer, n): IdentitySource => ({
      identify() {
        asked.push(n)
        return answer()
      },
      mayStay: () => mayStay[n]!,
      stop() {},
    }),
  )
  const identities = new Identities(sources)
  const { signal } = new AbortController()
  const ask = (key = 'key') =>
    identities.identify({ headers: { 'api-key': key }, url: '/' } as unknown as IncomingMessage, signal)
  return { identities, ask, asked, mayStay }
}

const unknown = () => undefined
const later = (found: Identification | undefined) => async () => found
const boom = () => {
  throw new Error('boom')
}

describe('several sources as one', () => {
  test('answer at once where the one that knows does', () => {
    const { ask, asked } = world(unknown, () => identified('acme'), unknown)
    expect(ask()).toEqual(identified('acme'))
    expect(asked).toEqual([0, 1])
  })

  test('are asked in their order, each once, whether they answer at once or later', async () => {
    const knows = () => identified('acme')
    const { ask, asked } = world(unknown, later(undefined), unknown, later(undefined), knows, unknown)
    expect(await ask()).toEqual(identified('acme'))
    expect(asked).toEqual([0, 1, 2, 3, 4])
  })

  test.each([
    ['at once', () => REFUSED],
    ['later', later(REFUSED)],
  ])('one that refuses decides: %s', async (_, refuses) => {
    const { ask, asked } = world(unknown, refuses, () => identified('acme'))
    expect(await ask()).toEqual(REFUSED)
    expect(asked).toEqual([0, 1])
  })

  test('what none of them knows is nobody’s, and where there is no credential none is asked', async () => {
    expect(world(unknown).ask()).toEqual(UNAUTHENTICATED)
    expect(await world(unknown, later(undefined)).ask()).toEqual(UNAUTHENTICATED)
    const { ask, asked } = world(unknown)
    expect(ask('')).toEqual(UNAUTHENTICATED)
    expect(asked).toEqual([])
  })

  test('one that fails fails the question, and the next is not asked', async () => {
    const [throws, rejects] = [world(unknown, boom, unknown), world(later(undefined), async () => boom(), unknown)]
    expect(throws.ask).toThrow('boom')
    await expect(rejects.ask()).rejects.toThrow('boom')
    expect([throws.asked, rejects.asked]).toEqual([
      [0, 1],
      [0, 1],
    ])
  })

  test.each([
    ['at once', () => identified('acme')],
    ['later', later(identified('acme'))],
  ])('who was let in stays as long as the source by which it came says so: %s', async (_, knows) => {
    const { identities, ask, mayStay } = world(unknown, knows, unknown)
    const found = await ask()
    if (!found.identified) throw new Error('refused')
    mayStay[0] = false
    mayStay[2] = false
    expect(identities.mayStay(found.identity)).toBe(true)
    mayStay[1] = false
    expect(identities.mayStay(found.identity)).toBe(false)
  })
})

describe('a source that is measured', () => {
  const clock = new ManualClock()
  const attempt = { path: '/', address: undefined }

  function measured(answer: () => Answer) {
    const told: unknown[] = []
    const source: IdentitySource = { identify: answer, mayStay: () => true, stop() {} }
    return { told, source: new MeasuredSource('keys', source, clock, (answer) => told.push(answer)) }
  }

  test('answers at once where it does, and is told of', () => {
    const { told, source } = measured(() => REFUSED)
    expect(source.identify('key', attempt)).toEqual(REFUSED)
    expect(told).toEqual([{ source: 'keys', result: 'ORG_DISABLED', tookMs: 0 }])
  })

  test('takes the time that it takes', async () => {
    const answers: ((found: Identification | undefined) => void)[] = []
    const { told, source } = measured(() => new Promise((resolve) => answers.push(resolve)))
    const found = source.identify('key', attempt)
    clock.advance(7)
    expect(told).toEqual([])
    answers[0]!(undefined)
    expect(await found).toBeUndefined()
    expect(told).toEqual([{ source: 'keys', result: 'unknown', tookMs: 7 }])
  })
})
