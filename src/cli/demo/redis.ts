import { connect } from 'node:net'
import { DemoProcess, eventually, freePort } from './process.js'

export interface DemoRedis {
  readonly url: string
  /** Nothing where the Redis is somebody else's. */
  stop(): Promise<void>
}

const SERVERS = ['redis-server', 'valkey-server']
const READY_MS = 5_000

/** Starts a Redis that keeps nothing on disk, with the server found on the PATH; `undefined` if there is none. */
export async function startDemoRedis(directory: string): Promise<DemoRedis | undefined> {
  for (const command of SERVERS) {
    const port = await freePort()
    const settings = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--dir', directory]
    const redis = new DemoProcess(command, settings, process.env)
    const ready = await eventually(READY_MS, async () => !redis.running || (await listens(port)))
    if (ready && redis.running) return { url: `redis://127.0.0.1:${port}`, stop: () => redis.stop() }
    await redis.stop()
  }
  return undefined
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const answer = (yes: boolean) => {
      socket.destroy()
      resolve(yes)
    }
    socket.once('connect', () => answer(true)).once('error', () => answer(false))
  })
}
