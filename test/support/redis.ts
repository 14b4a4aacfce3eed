import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { findLauncher, type Launcher, launch, type RedisOptions, type TestRedis } from './redis-launcher.js'

export type { RedisOptions, TestRedis } from './redis-launcher.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** The Redis that all tests of this run share. */
    redisUrl: string
    /** How to start further ones; `null` where the shared one was given by TEST_REDIS_URL. */
    redisLauncher: Launcher | null
  }
}

/** The Redis that all tests of this run share: keep to a prefix of your own, and never flush it. */
export function sharedRedisUrl(): string {
  return inject('redisUrl')
}

/** A key prefix that nobody else uses, of the same form as the real one. */
export function freshPrefix(): string {
  return `t${randomBytes(6).toString('hex')}:1:`
}

/**
 * The same as a child process of this one, whatever the others are: for certificates, sockets in the file system and
 * sentinels, which all would have to pass through the wall of a container.
 */
export async function startLocalRedis(options: RedisOptions = {}): Promise<TestRedis> {
  return launch(await findLocalLauncher(), options)
}

/** The server that `startLocalRedis` runs. */
export function findLocalLauncher(): Promise<Extract<Launcher, { kind: 'binary' }>> {
  const given = inject('redisLauncher')
  local ??= given?.kind === 'binary' ? Promise.resolve(given) : findBinary()
  return local
}

let local: Promise<Extract<Launcher, { kind: 'binary' }>> | undefined

async function findBinary(): Promise<Extract<Launcher, { kind: 'binary' }>> {
  const launcher = await findLauncher({ ...process.env, TEST_REDIS_PROVIDER: 'binary' })
  if (launcher.kind !== 'binary') throw new Error('asked for a server of this machine, found a container engine')
  return launcher
}

let found: Promise<Launcher> | undefined

/** Starts a Redis of the test's own, without persistence unless `args` say otherwise. The caller stops it. */
export async function startRedis(options: RedisOptions = {}): Promise<TestRedis> {
  found ??= Promise.resolve(inject('redisLauncher') ?? findLauncher())
  return launch(await found, options)
}
