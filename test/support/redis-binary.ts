import { rm } from 'node:fs/promises'
import { type OwnedProcess, spawnOwned, temporaryDirectory } from './owned-process.js'
import { freePort } from './ports.js'
import type { RedisOptions, TestRedis } from './redis-launcher.js'
import { untilRedisAnswers } from './redis-ready.js'

const HOST = '127.0.0.1'

/** Runs a Redis as a child process of this one. */
export async function launchBinary(
  path: string,
  { args = [], port: wanted, env = {} }: RedisOptions,
): Promise<TestRedis> {
  const port = wanted ?? (await freePort())
  const directory = temporaryDirectory()
  let server = await start()

  async function start(): Promise<OwnedProcess> {
    const own = ['--port', `${port}`, '--bind', HOST, '--dir', directory, '--save', '', '--appendonly', 'no']
    const started = await spawnOwned(path, [...own, '--daemonize', 'no', ...args], {
      env: { ...process.env, ...env },
    })
    await untilRedisAnswers({ host: HOST, port }, () => (started.running() ? undefined : started.output()))
    return started
  }

  return {
    url: `redis://${HOST}:${port}`,
    host: HOST,
    port,
    pause: async () => server.signal('SIGSTOP'),
    resume: async () => server.signal('SIGCONT'),
    kill: () => server.kill(),
    async restart() {
      // A stopped process takes SIGTERM only once it runs again.
      server.signal('SIGTERM')
      server.signal('SIGCONT')
      await server.exited
      server = await start()
    },
    async stop() {
      await server.kill()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
