import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { leakGate } from '../support/leak-gate.js'
import { startServer } from '../support/processes.js'
import { until } from '../support/until.js'

leakGate()

/** A busy machine may be late, and is not stalled: where bodies were parsed one answer took five seconds. */
const LATE_MS = 2_500
const CRUMBS = Buffer.from('1\r\nx\r\n'.repeat(100_000))

/** Sends a body in chunks of a byte, as fast as it is taken, and comes back whenever its connection ends. */
function flood(port: number, requestLine: string): () => void {
  let isOver = false
  let end = () => {}
  const come = () => {
    if (isOver) return
    const socket = connect(port, '127.0.0.1')
    end = () => socket.destroy()
    const go = () => {
      while (!isOver && !socket.destroyed && socket.write(CRUMBS));
    }
    socket.write(`${requestLine}\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`)
    socket.on('drain', go).on('error', () => {})
    socket.resume().on('close', () => setTimeout(come, 10))
    go()
  }
  come()
  return () => {
    isOver = true
    end()
  }
}

test.each([
  { listener: 'public', at: 'GET /nothing HTTP/1.1' },
  { listener: 'public', at: 'POST /api/internal/v1/ws/gateways/connect HTTP/1.1' },
  { listener: 'admin', at: 'DELETE /admin/v1/orgs/acme/limit HTTP/1.1' },
  { listener: 'admin', at: 'PUT /admin/v1/orgs/acme/limit HTTP/1.1' },
])('L6: bodies in crumbs at $at of the $listener listener hold up nobody', async ({ listener, at }) => {
  const node = await startServer({ env: { HEADCOUNT_LOG_LEVEL: 'warn' } })
  onTestFinished(() => node.stop())
  const adminPort = Number(new URL(node.adminUrl).port)
  const floods = Array.from({ length: 150 }, () => flood(listener === 'admin' ? adminPort : node.port, at))
  onTestFinished(() => {
    for (const end of floods) end()
  })
  const startMs = performance.now()
  // Long enough that all of them have come.
  await until(() => performance.now() - startMs > 1_500)
  const askedMs = performance.now()
  const [live, nothing] = await Promise.all([fetch(`${node.adminUrl}/livez`), fetch(`http://127.0.0.1:${node.port}/`)])
  expect([live.status, nothing.status]).toEqual([200, 404])
  expect(performance.now() - askedMs).toBeLessThan(LATE_MS)
})
