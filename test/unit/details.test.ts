import { describe, expect, test } from 'vitest'
import { type Details, decodeDetails, encodeDetails } from '../../src/node/held/details.js'

describe('what a connection tells of itself', () => {
  const since = '2026-11-22T17:40:44.096Z'

  test.each<[Details]>([
    [{ gateway: 'eu-1', instance: 'pod\n"1"', address: '2001:db8::1', since, limit: 3, priority: true }],
    [{ gateway: 'eu-1', address: '192.0.2.1', since: '1970-01-01T00:00:00.000Z', limit: 0 }],
    [{ since }],
    [{}],
  ])('comes back as it was: %j', (details) => {
    const sinceMs = details.since === undefined ? undefined : Date.parse(details.since)
    expect(decodeDetails(encodeDetails(details, sinceMs))).toEqual(details)
  })

  test('is kept short', () => {
    const kept = encodeDetails(
      { gateway: 'eu-1', instance: undefined, address: '192.0.2.1', limit: 3 },
      Date.parse(since),
    )
    expect(kept).toBe(`{"g":"eu-1","a":"192.0.2.1","s":"${Date.parse(since).toString(36)}","l":3}`)
  })

  test.each(['', 'no JSON', '7', 'null', '"g"', '{"s":7}', '{"s":"zzzzzzzzzzz"}', '{"s":"-1"}'])(
    'is nothing where somebody else wrote %j',
    (text) => expect(decodeDetails(text)).toEqual({}),
  )

  test('leaves out what has another type, or another name', () => {
    expect(decodeDetails('{"g":{"x":1},"i":7,"a":["::1"],"s":7,"l":"4","p":1}')).toEqual({})
    expect(decodeDetails('{"g":"eu-1","limit":4,"more":[1],"connectionId":"x","lease":"y"}')).toEqual({
      gateway: 'eu-1',
    })
  })
})
