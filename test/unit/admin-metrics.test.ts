import { expect, test } from 'vitest'
import { metricsApp } from '../../src/admin/routes/metrics.js'

test('metrics are made once for all who ask meanwhile, and anew for who asks later; a failure is not kept', async () => {
  const settle: ((text: string | Error) => void)[] = []
  const app = metricsApp({
    contentType: 'text/plain',
    metrics: () =>
      new Promise((resolve, reject) => {
        settle.push((text) => (typeof text === 'string' ? resolve(text) : reject(text)))
      }),
  }).onError((error, context) => context.text(error.message, 500))
  const ask = async () => {
    const response = await app.request('/metrics')
    return [response.status, await response.text()]
  }
  const together = Promise.all([ask(), ask(), ask()])
  expect(settle).toHaveLength(1)
  settle[0]!('first')
  expect(await together).toEqual(Array(3).fill([200, 'first']))
  const failing = Promise.all([ask(), ask()])
  settle[1]!(new Error('broken'))
  expect(await failing).toEqual(Array(2).fill([500, 'broken']))
  const later = ask()
  settle[2]!('third')
  expect(await later).toEqual([200, 'third'])
  expect(settle).toHaveLength(3)
})
