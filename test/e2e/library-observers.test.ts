import { afterEach, expect, test, vi } from 'vitest'
import { attach, connect } from '../support/attached.js'
import { leakGate } from '../support/leak-gate.js'
import { until } from '../support/until.js'

leakGate()

afterEach(() => vi.restoreAllMocks())

const rejects = (what: string) => () => Promise.reject(new Error(what))

test('L6: an asynchronous observer that rejects, its faulted too, harms nobody, and all of it is reported', async () => {
  const said = vi.spyOn(console, 'error').mockImplementation(() => {})
  const faults: unknown[] = []
  const attached = await attach(
    {},
    {
      accepts: (path) => path === '/',
      observer: {
        upgradeRefused: rejects('refused'),
        connectionOpened: rejects('opened'),
        connectionClosed: rejects('closed'),
        async faulted({ error }) {
          faults.push(error)
          throw error
        },
      },
    },
  )
  const { ws, status } = await connect(attached)
  expect(status).toBe(101)
  expect((await connect(attached, 'acme', '/other')).status).toBe(404)
  ws.close()
  await until(() => said.mock.calls.length === 3)
  expect(faults).toMatchObject([{ message: 'opened' }, { message: 'refused' }, { message: 'closed' }])
  expect((await connect(attached)).status).toBe(101)
})

test('L6: an asynchronous listener that rejects harms nobody, and is reported', async () => {
  const said = vi.spyOn(console, 'error').mockImplementation(() => {})
  const attached = await attach()
  const broken = new Error('broken')
  attached.limiter.on('connection.opened', () => Promise.reject(broken))
  expect((await connect(attached)).status).toBe(101)
  await until(() => said.mock.calls.length === 1)
  expect(said.mock.calls[0]).toContain(broken)
  expect((await connect(attached)).status).toBe(101)
})
