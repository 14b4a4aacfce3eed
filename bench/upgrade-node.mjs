// A node that upgrades: bare ws, or ws with something in front of it that decides. The rest of the process is the same.
import { createServer } from 'node:http'
import { Redis } from 'ioredis'
import { WebSocketServer } from 'ws'
import { createLimiter } from '../dist/index.js'
import { answerParent, settingsOfChild } from './child.mjs'
import { PATIENT } from './limiter.mjs'
import { emptyScript } from './rivals/empty-script.mjs'
import { semaphoreClass } from './rivals/semaphore-class.mjs'

const LIMIT = 3
const { kind, url, prefix } = settingsOfChild()
let opened = 0

const server = createServer()
const wss = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false })
wss.on('connection', (ws) => {
  opened++
  ws.on('error', () => {})
  ws.send('{"type":"connection.ack"}')
})
const identify = ({ headers }) => {
  const org = headers['api-key']
  return org === undefined
    ? { identified: false, code: 'UNAUTHENTICATED' }
    : { identified: true, identity: { org, gateway: 'gateway-1' } }
}

/** What anybody would write around a semaphore, with the slot bound to the raw socket so that none leaks. */
function behind(decide, giveBack) {
  let counter = 0
  server.on('upgrade', async (request, socket, head) => {
    socket.on('error', () => {})
    const { identified, identity } = identify(request)
    if (!identified) return socket.destroy()
    const item = { org: identity.org, id: `${process.pid}-${counter++}`, node: 0, roomy: LIMIT }
    if (decide) {
      const [isAdmitted] = await decide([item])
      if (!isAdmitted) return socket.destroy()
      if (socket.destroyed) return giveBack([item])
      socket.once('close', () => giveBack([item]))
    }
    wss.handleUpgrade(request, socket, head, (ws) => wss.emit('connection', ws, request))
  })
}

async function limited(options) {
  const limiter = createLimiter({ limits: { org: LIMIT }, ...PATIENT, ...options })
  limiter.attach(server, wss, { identify })
  await limiter.ready()
}

const KINDS = {
  bare: () => behind(),
  async empty() {
    const { acquire } = emptyScript({ plain: new Redis(url), pipelined: new Redis(url), prefix })
    behind(acquire, acquire)
  },
  async semaphore() {
    const { acquire, release } = semaphoreClass({ plain: new Redis(url) })
    behind(acquire, release)
  },
  embedded: () => limited({}),
  redis: () => limited({ redis: url, keyPrefix: prefix }),
}
await KINDS[kind]()
await new Promise((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, resolve))

answerParent({
  port: () => server.address().port,
  usage() {
    const { user, system } = process.cpuUsage()
    return { opened, cpuUs: user + system }
  },
})
