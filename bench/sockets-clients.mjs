// Clients that hold WebSockets and answer pings: as cheap as can be, since they share the machine with the node.
import { connect } from 'node:net'
import { ENDPOINT } from '../dist/server/endpoint.js'
import { answerParent } from './child.mjs'

const [CLOSE, PING] = [0x8, 0x9]
/** A pong without payload; a client must mask, be it with zeros. */
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])
const sockets = new Set()
let pings = 0

const requestOf = (key) =>
  [
    `GET ${ENDPOINT} HTTP/1.1`,
    ...['Host: localhost', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13'],
    ...['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', `api-key: ${key}`, '', ''],
  ].join('\r\n')

/** Resolves when the first frame is there. The socket stays. */
function open({ port, localAddress, key }) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    sockets.add(socket)
    let received = Buffer.alloc(0)
    let isUpgraded = false
    const fail = (why) => {
      sockets.delete(socket)
      reject(new Error(`${key}: ${why}`))
    }
    socket.on('error', (error) => fail(error.message))
    socket.on('close', () => fail(`closed after ${received.toString('latin1').slice(0, 500)}`))
    socket.on('data', (bytes) => {
      received = received.length === 0 ? bytes : Buffer.concat([received, bytes])
      if (!isUpgraded) {
        const end = received.indexOf('\r\n\r\n')
        if (end < 0 || !received.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101'))) return
        isUpgraded = true
        received = received.subarray(end + 4)
      }
      received = frames(received, (opcode) => {
        if (opcode === PING) {
          pings++
          socket.write(PONG)
        } else if (opcode === CLOSE) socket.destroy()
        else resolve()
      })
    })
    socket.write(requestOf(key))
  })
}

/** Calls with the opcode of each whole frame of a server, none of them long; returns what is left. */
function frames(bytes, take) {
  let rest = bytes
  while (rest.length >= 2) {
    const short = rest[1] & 0x7f
    const header = short < 126 ? 2 : 4
    if (rest.length < header) break
    const length = header + (short < 126 ? short : rest.readUInt16BE(2))
    if (rest.length < length) break
    take(rest[0] & 0xf)
    rest = rest.subarray(length)
  }
  return rest.length === 0 ? Buffer.alloc(0) : Buffer.from(rest)
}

answerParent({
  /** The connections `from` and those after it, so many at a time; three of them have one key. */
  async open({ port, localAddress, from, count, inFlight }) {
    let next = from
    const worker = async () => {
      while (next < from + count) await open({ port, localAddress, key: `key-${Math.floor(next++ / 3)}` })
    }
    await Promise.all(Array.from({ length: inFlight }, worker))
    return true
  },
  counts: () => ({ open: sockets.size, pings }),
  close() {
    for (const socket of sockets) socket.destroy()
  },
})
