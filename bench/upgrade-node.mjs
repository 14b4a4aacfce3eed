// A node that upgrades: bare ws, or ws with something in front of it that decides. The rest of the process is the same.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { WebSocketServer } from 'ws'
import { createLimiter } from '../dist/index.js'
import { createLog } from '../dist/observe/log.js'
import { loadConfig } from '../dist/server/config.js'
import { ENDPOINT } from '../dist/server/endpoint.js'
import { startServer } from '../dist/server/server.js'
import { answerParent, settingsOfChild } from './child.mjs'
import { PATIENT } from './limiter.mjs'
import { emptyScript } from './rivals/empty-script.mjs'
import { semaphoreClass } from './rivals/semaphore-class.mjs'
import { KEYS, keyOf } from './upgrade-keys.mjs'

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

/** The server as `npm start` runs it, with its keys, log, metrics and admin API; the log goes where the output goes. */
async function whole() {
  const folder = mkdtempSync(join(tmpdir(), 'headcount-bench-'))
  const keysFile = join(folder, 'keys.json')
  const keys = Array.from({ length: KEYS }, (_, org) => ({
    key: keyOf(org),
    orgId: `org-${org}`,
    gatewayId: 'gateway-1',
  }))
  writeFileSync(keysFile, JSON.stringify({ keys }))
  const { leaseTtlMs, renewIntervalMs, storeTimeoutMs } = PATIENT
  const { config, errors } = loadConfig({
    argv: [],
    env: {
      ...{ REDIS_URL: url, HEADCOUNT_KEY_PREFIX: prefix, HEADCOUNT_KEYS_FILE: keysFile },
      ...{ HOST: '127.0.0.1', PORT: '0', ADMIN_PORT: '0', WS_RATE_LIMIT_PER_MINUTE: 'unlimited' },
      ...{ WS_MAX_CONNECTIONS_PER_ORG: `${LIMIT}`, HEADCOUNT_LEASE_TTL: `${leaseTtlMs}ms` },
      ...{ HEADCOUNT_RENEW_INTERVAL: `${renewIntervalMs}ms`, HEADCOUNT_STORE_TIMEOUT: `${storeTimeoutMs}ms` },
    },
  })
  if (errors) throw new Error(errors.map(({ message }) => message).join('; '))
  const running = await startServer(config, createLog({ level: 'info', node: 'bench' }))
  rmSync(folder, { recursive: true })
  const headers = { authorization: `Bearer ${running.adminToken}` }
  const ask = async (path) => (await fetch(`http://127.0.0.1:${running.adminPort}${path}`, { headers })).text()
  while (!JSON.parse(await ask('/readyz')).storeReachable) await new Promise((resolve) => setTimeout(resolve, 100))
  return {
    at: { port: running.port, path: ENDPOINT },
    opened: async () => Number(/^headcount_connections_opened_total (\d+)$/m.exec(await ask('/metrics'))[1]),
  }
}

/** Node's own server in front of ws, with one of the others between them. */
async function small() {
  await KINDS[kind]()
  await new Promise((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, resolve))
  return { at: { port: server.address().port, path: '/' }, opened: () => opened }
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
const node = kind === 'server' ? await whole() : await small()

answerParent({
  at: () => node.at,
  async usage() {
    const { user, system } = process.cpuUsage()
    return { opened: await node.opened(), cpuUs: user + system }
  },
})
