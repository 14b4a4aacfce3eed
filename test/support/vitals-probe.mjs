// Loaded into a server process before its program (see vitals.ts): tells, over a Unix socket, what that process holds.
import { channel } from 'node:diagnostics_channel'
import { createServer, IncomingMessage } from 'node:http'
import { queryObjects } from 'node:v8'

const warnings = []
// `queryObjects` is announced as experimental, once; every other warning is of interest.
process.on('warning', ({ name, message }) => name !== 'ExperimentalWarning' && warnings.push(`${name}: ${message}`))

const [open, openToAdmins] = [new Set(), new Set()]
const listeners = new Map([
  [Number(process.env.PORT), open],
  [Number(process.env.ADMIN_PORT), openToAdmins],
])
channel('net.server.socket').subscribe(({ socket }) => {
  const sockets = listeners.get(socket.localPort)
  if (sockets === undefined) return
  sockets.add(socket)
  socket.once('close', () => sockets.delete(socket))
})

const count = (kind) => queryObjects(kind, { format: 'count' })

const server = createServer(async (request, response) => {
  if (request.url === '/collected') globalThis.gc()
  if (request.url === '/heap') {
    // What one collection sets free by finalizers the next one takes away.
    for (let round = 0; round < 3; round++) {
      globalThis.gc()
      await new Promise(setImmediate)
    }
  }
  const heap = request.url === '/heap' && {
    requests: count(IncomingMessage),
    functions: count(Function),
    signals: count(AbortSignal),
  }
  const { rss: rssBytes, heapUsed: heapBytes, external: externalBytes } = process.memoryUsage()
  const sockets = { sockets: open.size, adminSockets: openToAdmins.size }
  response.end(JSON.stringify({ ...sockets, rssBytes, heapBytes, externalBytes, warnings, ...heap }))
})
server.listen(process.env.TEST_VITALS_SOCKET)
server.unref()
