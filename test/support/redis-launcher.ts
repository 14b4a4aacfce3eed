import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { installWithApt } from './apt-install.js'
import { executableOnPath } from './on-path.js'
import { launchBinary } from './redis-binary.js'
import { containerEngine, launchContainer } from './redis-container.js'

/** A Redis of a test's own. Every method resolves when what it says is so. */
export interface TestRedis {
  readonly url: string
  readonly host: string
  readonly port: number
  /** Freezes the server: it accepts connections and answers nothing. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Ends it at once, as a power cut would. */
  kill(): Promise<void>
  /** Starts it again on the same port, ending it in good order first if it runs; empty unless `args` make it persist. */
  restart(): Promise<void>
  /** Ends it for good and removes its files. Harmless twice. */
  stop(): Promise<void>
}

export interface RedisOptions {
  /** Further arguments of redis-server, after ours. */
  readonly args?: readonly string[]
  readonly port?: number
  /** Further environment of the process; only where Redis runs as one (see `Launcher`). */
  readonly env?: Readonly<Record<string, string>>
}

/** Which means of starting a Redis this run took: plain data, so that it can be handed to the test processes. */
export type Launcher =
  | { readonly kind: 'binary'; readonly path: string; readonly version: string }
  | { readonly kind: 'containers'; readonly image: string; readonly engine: string }

export function launch(launcher: Launcher, options: RedisOptions = {}): Promise<TestRedis> {
  return launcher.kind === 'binary' ? launchBinary(launcher.path, options) : launchContainer(launcher.image, options)
}

export function describeLauncher(launcher: Launcher): string {
  return launcher.kind === 'binary'
    ? `${launcher.path} (${launcher.version})`
    : `containers of ${launcher.image} (${launcher.engine})`
}

/**
 * Finds a way to start Redis: a server on the PATH, a container engine, an installation by apt-get where this user may.
 * `TEST_REDIS_PROVIDER` (`binary` or `containers`) forces one. Throws, and says what to install, when there is none:
 * tests that need Redis are never skipped.
 */
export async function findLauncher(env: NodeJS.ProcessEnv = process.env): Promise<Launcher> {
  const forced = env.TEST_REDIS_PROVIDER ?? ''
  if (!['', 'binary', 'containers'].includes(forced)) {
    throw new Error(`TEST_REDIS_PROVIDER is '${forced}'; accepted are 'binary' and 'containers', or leave it unset`)
  }
  const wanted = (kind: Launcher['kind']) => forced === '' || forced === kind
  const found =
    (wanted('binary') && (await onPath(env))) ||
    (wanted('containers') && (await inContainers(env))) ||
    (wanted('binary') && (await installWithApt('redis-server')) && (await onPath(env)))
  if (found) return found
  throw new Error(
    `the tests need a real Redis, 7.0 or later, and found none${forced && ` as '${forced}'`}. Do one of these:\n` +
      '  - install redis-server or valkey-server so that it is on the PATH (Debian: apt-get install redis-server)\n' +
      '  - start a container engine that testcontainers can reach (docker info must answer)\n' +
      '  - set TEST_REDIS_URL to a Redis that tests may fill; tests that stop and start Redis need one of the above too',
  )
}

async function onPath(env: NodeJS.ProcessEnv): Promise<Launcher | undefined> {
  const path = await executableOnPath(['redis-server', 'valkey-server'], env)
  if (path === undefined) return undefined
  const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 5_000 })
  return { kind: 'binary', path, version: /v=([\d.]+)/.exec(stdout)?.[1] ?? stdout.trim() }
}

async function inContainers(env: NodeJS.ProcessEnv): Promise<Launcher | undefined> {
  const engine = await containerEngine()
  return engine === undefined
    ? undefined
    : { kind: 'containers', image: env.TEST_REDIS_IMAGE || 'redis:7-alpine', engine }
}
