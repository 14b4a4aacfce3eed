import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { type Exit, type OwnedProcess, spawnOwned, temporaryDirectory } from './owned-process.js'
import { freePort } from './ports.js'
import { until } from './until.js'

export { freePort } from './ports.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface ServerOptions {
  /** Settings of the server; those that name ports, hosts and the token have defaults here. */
  readonly env?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
  /** The program, by its path from the root of the project; for the tests of this file. */
  readonly script?: string
  /** How long the server may take until it is ready, in milliseconds. */
  readonly readyWithinMs?: number
}

/** A node of the cluster, as a process of its own, running what was built into dist. */
export interface ServerProcess {
  readonly pid: number
  readonly port: number
  readonly adminPort: number
  /** Where gateways connect to. */
  readonly url: string
  readonly adminUrl: string
  readonly adminToken: string
  /** Resolves when the process is gone; never rejects. */
  readonly exited: Promise<Exit>
  running(): boolean
  /** Sends a signal and does not wait: `await exited` does. */
  kill(signal?: NodeJS.Signals): void
  /** Freezes the whole process, as SIGSTOP does. */
  pause(): void
  resume(): void
  /** Kills it if it still runs, and waits until it is gone. */
  stop(): Promise<void>
  /** All it wrote to stdout and stderr. */
  output(): string
  /** Asks the admin API with the token; `path` begins with a slash. Throws unless the answer is 2xx. */
  admin<T = unknown>(path: string, init?: RequestInit): Promise<T>
}

/** Starts a server and waits until `/readyz` says 200. Rejects with its output when it ends before. */
export async function startServer(options: ServerOptions = {}): Promise<ServerProcess> {
  const server = await spawnServer(options)
  try {
    await until(async () => !server.running() || (await isReady(server.adminUrl)), {
      withinMs: options.readyWithinMs ?? 40_000,
      what: 'the server is ready',
    })
    if (!server.running()) throw new Error('the server ended before it was ready')
    return server
  } catch (error) {
    await server.stop()
    throw new Error(`${error instanceof Error ? error.message : error}; it wrote:\n${server.output()}`, {
      cause: error,
    })
  }
}

async function isReady(adminUrl: string): Promise<boolean> {
  const response = await fetch(`${adminUrl}/readyz`, { signal: AbortSignal.timeout(2_000) })
  await response.arrayBuffer()
  return response.status === 200
}

/** The same without waiting, for tests of what happens before a server is ready, or instead. */
export async function spawnServer({
  env = {},
  args = [],
  script = 'dist/server/main.js',
}: ServerOptions = {}): Promise<ServerProcess> {
  const settings: Record<string, string> = {
    PORT: String(await freePort()),
    ADMIN_PORT: String(await freePort()),
    HOST: '127.0.0.1',
    ADMIN_HOST: '127.0.0.1',
    ADMIN_TOKEN: randomBytes(16).toString('hex'),
    // All clients of a test come from one address.
    WS_RATE_LIMIT_PER_MINUTE: 'unlimited',
    ...env,
  }
  const own = await spawnNode(script, args, settings)
  const adminUrl = `http://127.0.0.1:${settings.ADMIN_PORT}`
  return {
    pid: own.pid,
    port: Number(settings.PORT),
    adminPort: Number(settings.ADMIN_PORT),
    url: `ws://127.0.0.1:${settings.PORT}`,
    adminUrl,
    adminToken: settings.ADMIN_TOKEN!,
    exited: own.exited,
    running: own.running,
    kill: (signal = 'SIGTERM') => own.signal(signal),
    pause: () => own.signal('SIGSTOP'),
    resume: () => own.signal('SIGCONT'),
    stop: own.kill,
    output: own.output,
    async admin<T>(path: string, init: RequestInit = {}) {
      const headers = { authorization: `Bearer ${settings.ADMIN_TOKEN}`, ...init.headers }
      const signal = AbortSignal.timeout(5_000)
      const response = await fetch(`${adminUrl}${path}`, { signal, ...init, headers })
      const text = await response.text()
      if (!response.ok) throw new Error(`${init.method ?? 'GET'} ${path} was answered ${response.status}: ${text}`)
      return (text === '' ? undefined : JSON.parse(text)) as T
    },
  }
}

/** Runs the command line client from dist, as if somebody sat there and could type. */
export function startCli(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<OwnedProcess> {
  return spawnNode('dist/cli/main.js', args, env, { typing: true })
}

/**
 * Runs a script of the project, by its path from the root, with nothing of this process's environment but what every
 * program needs: settings of the machine must not change what a test sees.
 */
export function spawnNode(
  script: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  options: { readonly typing?: boolean } = {},
): Promise<OwnedProcess> {
  const { PATH = '', HOME = '' } = process.env
  return spawnOwned(process.execPath, [script, ...args], {
    ...options,
    cwd: ROOT,
    env: { PATH, HOME, TMPDIR: temporaryDirectory(), ...env },
  })
}
