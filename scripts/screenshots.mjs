// Makes the pictures of the dashboard in docs/images: three real nodes, a real Redis and some traffic, looked at by a
// real Chromium.
//
//   npm run screenshots                  after three minutes of traffic
//   npm run screenshots -- --minutes 15  after so many, for a full chart
//
// Needs redis-server on the PATH and Chromium at /usr/bin/chromium, or where TEST_CHROMIUM says.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { chromium } from 'playwright-core'
import { WebSocket } from 'ws'
import { eventually, freePort } from '../dist/cli/demo/process.js'
import { ENDPOINT } from '../dist/server/endpoint.js'

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '3' } } })
const root = fileURLToPath(new URL('..', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'headcount-screenshots-'))
const ORGS = ['acme', 'globex', 'initech', 'umbrella', 'hooli', 'stark', 'wayne', 'tyrell', 'soylent', 'cyberdyne']
const TIERS = ['free', 'paid', 'big']
const NODES = ['eu-west-1a', 'eu-west-1b', 'eu-west-1c']
const TOKEN = 'screenshots'
/** A fresh Redis admits nobody for its first 6 s. */
const START_MS = 30_000
const children = []
const sockets = new Set()

function start(command, args, env = {}) {
  const child = spawn(command, args, { cwd: root, env: { PATH: process.env.PATH, ...env }, stdio: 'ignore' })
  child.on('error', (error) => {
    console.error(`cannot start ${command}: ${error.message}`)
    process.exitCode = 1
  })
  children.push(child)
}

async function startCluster() {
  const redisPort = await freePort()
  start('redis-server', ['--port', String(redisPort), '--save', '', '--dir', directory])
  const keys = ORGS.map((orgId, i) => ({ key: `key-${orgId}`, orgId, gatewayId: `${orgId}-eu`, tier: TIERS[i % 3] }))
  const keysFile = join(directory, 'keys.json')
  writeFileSync(keysFile, JSON.stringify({ keys }))
  const nodes = []
  for (const name of NODES) {
    const node = { port: await freePort(), adminPort: await freePort() }
    start(process.execPath, ['dist/server/main.js'], {
      PORT: String(node.port),
      ADMIN_PORT: String(node.adminPort),
      ADMIN_TOKEN: TOKEN,
      HOST: '127.0.0.1',
      REDIS_URL: `redis://127.0.0.1:${redisPort}`,
      HEADCOUNT_NODE_NAME: name,
      HEADCOUNT_KEYS_FILE: keysFile,
      HEADCOUNT_TIERS: 'free=3,paid=10,big=40',
      HEADCOUNT_TRUSTED_PROXIES: '127.0.0.1',
    })
    nodes.push(node)
  }
  for (const { adminPort } of nodes) {
    const isReady = async () => (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).ok
    if (!(await eventually(START_MS, isReady))) throw new Error(`no node is ready at ${adminPort}`)
  }
  return nodes
}

/** Connections that come and stay a while; orgs with small tiers want more than they may have. */
function connect(nodes) {
  const org = ORGS[Math.floor(Math.random() * ORGS.length)]
  const { port } = nodes[Math.floor(Math.random() * nodes.length)]
  const headers = { 'api-key': `key-${org}`, 'x-forwarded-for': `192.0.2.${1 + Math.floor(Math.random() * 250)}` }
  const ws = new WebSocket(`ws://127.0.0.1:${port}${ENDPOINT}`, { headers })
  sockets.add(ws)
  const timer = setTimeout(() => ws.close(), 10_000 + Math.random() * 110_000)
  ws.on('error', () => {})
  ws.on('close', () => {
    clearTimeout(timer)
    sockets.delete(ws)
  })
}

async function open(browser, adminPort, colorScheme) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 }, colorScheme })
  await page.goto(`http://127.0.0.1:${adminPort}/`)
  await page.locator('#token').fill(TOKEN)
  await page.keyboard.press('Enter')
  return page
}

try {
  const nodes = await startCluster()
  const path = `http://127.0.0.1:${nodes[0].adminPort}/admin/v1/orgs/acme/limit`
  const body = JSON.stringify({ limit: 5, for: '6h', note: 'migration to the new gateways', by: 'kim' })
  await fetch(path, { method: 'PUT', headers: { authorization: `Bearer ${TOKEN}` }, body })
  const browser = await chromium.launch({
    executablePath: process.env.TEST_CHROMIUM ?? '/usr/bin/chromium',
    chromiumSandbox: process.getuid() !== 0,
  })
  const [light, dark] = [
    await open(browser, nodes[0].adminPort, 'light'),
    await open(browser, nodes[1].adminPort, 'dark'),
  ]
  const traffic = setInterval(() => connect(nodes), 600)
  await sleep(60_000 * Number(values.minutes))
  await light.screenshot({ path: `${root}docs/images/dashboard.png` })
  await dark.screenshot({ path: `${root}docs/images/dashboard-dark.png` })
  await dark.locator('#org-rows a').filter({ hasText: 'acme' }).click()
  await dark.locator('#holder-rows td').first().waitFor()
  await dark.screenshot({ path: `${root}docs/images/dashboard-org.png` })
  clearInterval(traffic)
  await browser.close()
} finally {
  for (const ws of sockets) ws.terminate()
  for (const child of children) child.kill('SIGKILL')
  rmSync(directory, { recursive: true, force: true })
}
