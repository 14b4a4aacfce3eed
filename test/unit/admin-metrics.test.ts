import { expect, test } from 'vitest'
import { metricsApp } from '../../src/admin/routes/metrics.js'
import { ManualClock } from '../support/manual-clock.js'

test('metrics are made once for all who ask meanwhile or soon after, and anew for who asks later; a failure is not kept', async () => {
  const clock = new ManualClock()
  const settle: ((text: string | Error) => void)[] = []
  const source = {
    contentType: 'text/plain',
    metrics: () =>
      new Promise<string>((resolve, reject) => {
        settle.push((text) => (typeof text === 'string' ? resolve(text) : reject(text)))
      }),
  }
  const app = metricsApp(source, clock).onError((error, context) => context.text(error.message, 500))
  const ask = async () => {
    const response = await app.request('/metrics')
    return [response.status, await response.text()]
  }
  const together = Promise.all([ask(), ask(), ask()])
  expect(settle).toHaveLength(1)
  // However long that takes.
  clock.advance(5_000)
  const waiting = ask()
  settle[0]!('first')
  expect([...(await together), await waiting]).toEqual(Array(4).fill([200, 'first']))
  const soon = ask()
  settle[1]!('second')
  expect(await soon).toEqual([200, 'second'])
  clock.advance(99)
  expect(await ask()).toEqual([200, 'second'])
  expect(settle).toHaveLength(2)
  clock.advance(1)
  const failing = Promise.all([ask(), ask()])
  settle[2]!(new Error('broken'))
  expect(await failing).toEqual(Array(2).fill([500, 'broken']))
  const later = ask()
  settle[3]!('third')
  expect(await later).toEqual([200, 'third'])
  expect(settle).toHaveLength(4)
})
