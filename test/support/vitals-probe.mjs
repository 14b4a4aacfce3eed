// Loaded into a server process before its program (see vitals.ts): tells, over a Unix socket, what that process holds.
import { channel } from 'node:diagnostics_channel'
import { createServer, IncomingMessage } from 'node:http'
import { queryObjects } from 'node:v8'

const warnings = []
// `queryObjects` is announced as experimental, once; every other warning is of interest.
process.on('warning', ({ name, message }) => name !== 'ExperimentalWarning' && warnings.push(`${name}: ${message}`))

const open = new Set()
channel('net.server.socket').subscribe(({ socket }) => {
  if (socket.localPort !== Number(process.env.PORT)) return
  open.add(socket)
  socket.once('close', () => open.delete(socket))
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
  response.end(JSON.stringify({ sockets: open.size, rssBytes, heapBytes, externalBytes, warnings, ...heap }))
})
server.listen(process.env.TEST_VITALS_SOCKET)
server.unref()
