import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { freePort } from '../dist/cli/demo/process.js'

const START_DEADLINE_MS = 10_000

/** A benchmark that is interrupted must not leave a server behind. */
const servers = new Set()
process.once('exit', () => {
  for (const server of servers) server.kill()
})

/**
 * The one Redis that everything is measured on: `BENCH_REDIS_URL`, else a `redis-server` from the PATH on a free port,
 * without persistence. Resolves once it answers. `stop` ends only what was started here.
 */
export async function benchRedis(env = process.env) {
  if (env.BENCH_REDIS_URL) return { url: env.BENCH_REDIS_URL, stop: async () => {} }
  const directory = await mkdtemp(join(tmpdir(), 'headcount-bench-'))
  const port = await freePort()
  const own = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', directory]
  const server = spawn('redis-server', own, { stdio: 'ignore' })
  const exited = new Promise((resolve) => {
    server.once('exit', resolve)
    server.once('error', resolve)
  })
  const stop = async () => {
    server.kill()
    await exited
    await rm(directory, { recursive: true, force: true })
  }
  servers.add(server)
  const url = `redis://127.0.0.1:${port}`
  const gone = exited.then((why) => {
    throw new Error(`redis-server did not start (${why}): install it, or set BENCH_REDIS_URL`)
  })
  gone.catch(() => {})
  await Promise.race([untilItAnswers(url), gone])
  return { url, stop }
}

async function untilItAnswers(url) {
  const deadline = performance.now() + START_DEADLINE_MS
  for (;;) {
    const redis = new Redis(url, { lazyConnect: true, retryStrategy: null, connectTimeout: 1_000 })
    redis.on('error', () => {})
    try {
      await redis.connect()
      return
    } catch (error) {
      if (performance.now() > deadline) throw error
      await sleep(50)
    } finally {
      redis.disconnect()
    }
  }
}
