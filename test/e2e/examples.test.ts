import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { read } from '../house/sources.js'
import { freePort, spawnNode } from '../support/processes.js'
import { startRedis } from '../support/redis.js'
import { until } from '../support/until.js'

interface Example {
  readonly port: number
  readonly stop: () => Promise<{ code: number | null }>
}

async function run(script: string, env: Record<string, string> = {}): Promise<Example> {
  const port = await freePort()
  const process = await spawnNode(script, [], { PORT: String(port), ...env })
  onTestFinished(() => process.kill())
  await until(() => process.output().includes(`listening on ${port}`) || !process.running(), { withinMs: 10_000 })
  if (!process.running()) throw new Error(`the example ended:\n${process.output()}`)
  const stop = () => {
    process.signal('SIGTERM')
    return process.exited
  }
  return { port, stop }
}

/** The status of the answer, and for an open connection its first message if `says` asks for it. */
function connect(url: string, key?: string): Promise<{ status: number; ws: WebSocket; messages: string[] }> {
  const ws = new WebSocket(url, key === undefined ? {} : { headers: { 'api-key': key } })
  const messages: string[] = []
  ws.on('message', (data) => messages.push(data.toString()))
  return new Promise((resolve, reject) => {
    ws.on('error', reject)
    ws.once('open', () => resolve({ status: 101, ws, messages }))
    ws.once('unexpected-response', (_request, response) => {
      response.resume()
      resolve({ status: response.statusCode ?? 0, ws, messages })
    })
  })
}

/** As `connect`, again where the busy machine was too slow for the store's deadline: those answers pass by themselves. */
function decided(url: string, key?: string) {
  return until(
    async () => {
      const outcome = await connect(url, key)
      return outcome.status !== 503 && outcome
    },
    { withinMs: 10_000, what: 'a decision' },
  )
}

/** Waits until the limiter has come up, since it connects in the background. */
async function firstOf(url: string, key?: string) {
  return until(
    async () => {
      const outcome = await connect(url, key)
      return outcome.status === 101 && outcome
    },
    { withinMs: 15_000, what: 'the first connection' },
  )
}

const closed = (ws: WebSocket) => new Promise<number>((resolve) => ws.once('close', resolve))

describe('the examples run as they are', () => {
  test('plain-ws.mjs holds the limit and stops in order', async () => {
    const { port, stop } = await run('examples/plain-ws.mjs')
    const url = `ws://127.0.0.1:${port}/?org=acme`
    const first = await firstOf(url)
    const statuses: number[] = []
    for (let n = 0; n < 4; n++) statuses.push((await connect(url)).status)
    expect(statuses).toEqual([101, 101, 429, 429])
    expect((await connect(`ws://127.0.0.1:${port}/`)).status).toBe(401)
    first.ws.send('hello')
    await until(() => first.messages.length > 0)
    expect(first.messages[0]).toMatch(/^[0-9a-z]+-[0-9a-z]+ heard hello$/)
    const gone = closed(first.ws)
    expect(await stop()).toMatchObject({ code: 0 })
    expect(await gone).toBe(1012)
  })

  test('hono.mjs: two processes on one Redis hold one limit, and Hono answers the rest', async () => {
    const redis = await startRedis()
    onTestFinished(() => redis.stop())
    const env = { REDIS_URL: redis.url }
    const [one, two] = await Promise.all([run('examples/hono.mjs', env), run('examples/hono.mjs', env)])
    const urls = [one, two].map(({ port }) => `ws://127.0.0.1:${port}/ws`) as [string, string]
    const first = await firstOf(urls[0], 'key-acme')
    const second = await firstOf(urls[1], 'key-acme')
    const rest = await Promise.all([0, 1, 0, 1].map((i) => decided(urls[i]!, 'key-acme')))
    expect(rest.map(({ status }) => status).sort()).toEqual([101, 429, 429, 429])
    expect((await connect(urls[0], 'key-nobody')).status).toBe(401)
    await until(() => first.messages.length > 0)
    expect(first.messages).toEqual(['welcome'])
    const response = await fetch(`http://127.0.0.1:${two.port}/orgs/acme`, { headers: { connection: 'close' } })
    expect(await response.json()).toEqual({ orgId: 'acme', currentCount: 3, maxAllowed: 3 })
    const gone = Promise.all([closed(first.ws), closed(second.ws)])
    expect(await Promise.all([one.stop(), two.stop()])).toMatchObject([{ code: 0 }, { code: 0 }])
    expect(await gone).toEqual([1012, 1012])
  })

  test('the test of one’s own program in docs/library.md passes', async () => {
    const blocks = [...read('docs/library.md').matchAll(/^```js\n([\s\S]*?)^```/gm)].map((found) => found[1]!)
    const [program = ''] = blocks.filter((block) => block.includes("from 'node:test'"))
    const process = await spawnNode('--input-type=module', ['--eval', program])
    onTestFinished(() => process.kill())
    expect(await process.exited, process.output()).toMatchObject({ code: 0 })
    expect(process.output()).toMatch(/tests 1\b[\s\S]*pass 1\b/)
  })
})
