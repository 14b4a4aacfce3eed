// Clients that upgrade, wait for the first frame and leave: as cheap as can be, since they share the machine with the node.
import { connect } from 'node:net'
import { answerParent } from './child.mjs'
import { quantile } from './meter.mjs'
import { KEYS, keyOf } from './upgrade-keys.mjs'

const TICK_MS = 1
let turn = 0

const requestOf = (path, org) =>
  [
    `GET ${path} HTTP/1.1`,
    ...['Host: localhost', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13'],
    ...['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', `api-key: ${keyOf(org)}`, '', ''],
  ].join('\r\n')

/** Resolves to how long the 101 took, in ms, once the first frame has come too. */
function upgrade({ port, path }) {
  return new Promise((resolve, reject) => {
    const startMs = performance.now()
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let tookMs
    let received = ''
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`closed after ${JSON.stringify(received.slice(0, 200))}`)))
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1')
      if (tookMs === undefined) {
        if (!received.startsWith('HTTP/1.1 101')) return
        tookMs = performance.now() - startMs
      }
      if (!received.includes('connection.ack')) return
      resolve(tookMs)
      socket.destroy()
    })
    socket.write(requestOf(path, turn++ % KEYS))
  })
}

answerParent({
  /** So many at a time, each as soon as one before it is through. */
  async closed({ at, inFlight, count }) {
    let left = count
    const startMs = performance.now()
    const worker = async () => {
      while (left-- > 0) await upgrade(at)
    }
    await Promise.all(Array.from({ length: inFlight }, worker))
    return { perSecond: (count / (performance.now() - startMs)) * 1_000 }
  },
  /** As many a second at random moments, whether or not those before them are through. */
  async paced({ at, perSecond, seconds }) {
    const upgrades = []
    const startMs = performance.now()
    let dueMs = startMs
    await new Promise((resolve) => {
      const timer = setInterval(() => {
        const nowMs = performance.now()
        for (; dueMs <= nowMs; dueMs += (-Math.log(1 - Math.random()) * 1_000) / perSecond) upgrades.push(upgrade(at))
        if (nowMs - startMs < seconds * 1_000) return
        clearInterval(timer)
        resolve()
      }, TICK_MS)
    })
    const tookMs = await Promise.all(upgrades)
    return { p50Ms: quantile(tookMs, 0.5), p99Ms: quantile(tookMs, 0.99), count: tookMs.length }
  },
})
