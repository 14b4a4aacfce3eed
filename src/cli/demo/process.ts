import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { systemClock } from '../../core/clock.js'

const KILL_AFTER_MS = 5_000

/** A process of the demo: its end is known, and it is ended with the demo. */
export class DemoProcess {
  readonly #child: ChildProcess
  /** Resolves when it has ended, or could not be started. */
  readonly ended: Promise<void>
  #running = true

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    // A group of its own: a Ctrl-C is for the demo, which ends its processes in order.
    const options: SpawnOptions = { env, stdio: 'ignore', detached: true }
    this.#child = spawn(command, args, options)
    this.ended = new Promise((resolve) => {
      const end = () => {
        this.#running = false
        resolve()
      }
      this.#child.once('exit', end).once('error', end)
    })
  }

  get running(): boolean {
    return this.#running
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#running) this.#child.kill(signal)
  }

  /** Asks it to end, and makes it end when it takes too long. */
  async stop(): Promise<void> {
    this.kill('SIGTERM')
    const patience = new AbortController()
    await Promise.race([this.ended, wait(KILL_AFTER_MS, undefined, patience).catch(() => {})])
    patience.abort()
    this.kill('SIGKILL')
    await this.ended
  }
}

/** A port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** Asks until `done` says so or `withinMs` has passed; says which. */
export async function eventually(withinMs: number, done: () => Promise<boolean>): Promise<boolean> {
  const endMs = systemClock.monotonicMs() + withinMs
  while (systemClock.monotonicMs() < endMs) {
    if (await done().catch(() => false)) return true
    await wait(100)
  }
  return false
}
