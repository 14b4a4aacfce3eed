// Gateways that behave: they wait as long as they are told and come back for ever, and the record of what they saw.
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'

const URL = `ws://127.0.0.1:${process.env.HEADCOUNT_PORT ?? 8080}/api/internal/v1/ws/gateways/connect`
const ANSWER_WITHIN_MS = 10_000
const LONGEST_WAIT_MS = 10_000

/**
 * Starts `count` gateways of one key. `most` is the highest number open at one instant, as they saw it: whoever has read
 * that it is closed is open no more, though behind the proxy its socket outlives that of the node.
 */
export function gateways({ count, key }) {
  const record = {
    acknowledged: new Set(),
    get open() {
      return [...this.acknowledged].filter(({ readyState }) => readyState === WebSocket.OPEN).length
    },
    ...{ most: 0, closed: 0, unanswered: 0, refused: [] },
  }
  const stopped = new AbortController()
  setMaxListeners(count, stopped.signal)
  const live = new Set()
  const loops = Array.from({ length: count }, () => come(record, key, stopped.signal, live))
  const stop = async () => {
    stopped.abort()
    for (const socket of live) socket.close()
    await Promise.all(loops)
  }
  return Object.assign(record, { stop })
}

async function come(record, key, signal, live) {
  while (!signal.aborted) {
    const waitMs = await attempt(record, key, live)
    await sleep(waitMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {})
  }
}

/** One connection from its request to its end; resolves with how long to wait before the next. */
function attempt(record, key, live) {
  return new Promise((resolve) => {
    const socket = new WebSocket(URL, { headers: { 'api-key': key }, handshakeTimeout: ANSWER_WITHIN_MS })
    live.add(socket)
    const done = (waitMs) => {
      live.delete(socket)
      resolve(waitMs)
    }
    // The acknowledgement, not the upgrade: from here on the server counts it for sure.
    socket.once('message', () => {
      record.acknowledged.add(socket)
      record.most = Math.max(record.most, record.open)
    })
    socket.on('unexpected-response', (request, response) => {
      response.setEncoding('utf8')
      let body = ''
      response.on('data', (text) => (body += text))
      response.on('end', () => {
        const problem = body.startsWith('{') ? JSON.parse(body) : {}
        if (record.refused.length < 1_000) record.refused.push({ ...problem, status: response.statusCode })
        request.destroy()
        done(Math.min(LONGEST_WAIT_MS, 1_000 * Number(response.headers['retry-after'] ?? 1)))
      })
    })
    socket.on('error', (error) => {
      if (/handshake has timed out/.test(error.message)) record.unanswered++
    })
    socket.on('close', () => {
      if (record.acknowledged.delete(socket)) record.closed++
      done(1_000)
    })
  })
}
