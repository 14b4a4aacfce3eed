import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { inject } from 'vitest'
import { redisKeys } from '../../src/store/redis/keys.js'
import { SCRIPT } from '../../src/store/redis/script.generated.js'
import { compiledClockShim } from './clock-shim.js'
import { temporaryDirectory } from './owned-process.js'
import { startRedis, type TestRedis } from './redis.js'

const SHIM = fileURLToPath(new URL('./clock-shim.c', import.meta.url))

/** A Redis whose clock a test may move. */
export interface ShiftedRedis {
  readonly redis: TestRedis
  /** How the clock is moved, in words. */
  readonly how: string
  /** What nodes must run on it, in the place of `script`. */
  scriptOf(script?: string): string
  /** Sets its clock to so many milliseconds from the true time, either way. */
  shift(ms: number): Promise<void>
  stop(): Promise<void>
}

/**
 * Where Redis runs as a process and there is a C compiler, its clock really jumps: a small library in front of libc
 * adds what a file says. Elsewhere the script adds it to what TIME said, so that no machine goes without the test.
 */
export async function startShiftedRedis(keyPrefix: string): Promise<ShiftedRedis> {
  const library = inject('redisLauncher')?.kind === 'binary' ? await compiledClockShim(SHIM) : undefined
  return library === undefined ? shiftedByScript(keyPrefix) : shiftedByLibrary(library)
}

async function shiftedByLibrary(library: string): Promise<ShiftedRedis> {
  const path = join(temporaryDirectory(), 'offset')
  writeFileSync(path, Buffer.alloc(8))
  const redis = await startRedis({ env: { LD_PRELOAD: library, CLOCK_SHIM_FILE: path } })
  const file = openSync(path, 'r+')
  return {
    redis,
    how: 'the clock of the process',
    scriptOf: (script = SCRIPT) => script,
    async shift(ms) {
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64LE(BigInt(ms))
      writeSync(file, bytes, 0, 8, 0)
    },
    async stop() {
      closeSync(file)
      await redis.stop()
    },
  }
}

async function shiftedByScript(keyPrefix: string): Promise<ShiftedRedis> {
  const redis = await startRedis()
  const client = new Redis(redis.url)
  const { meta } = redisKeys(keyPrefix)
  return {
    redis,
    how: 'what the script makes of TIME',
    scriptOf(script = SCRIPT) {
      const asked = "redis.call('TIME')"
      if (!script.includes(asked)) throw new Error('the script no longer asks for TIME in the expected words')
      const shifted = `(function() local at = ${asked}; at[1] = at[1] + (redis.call('GET', KEYS[2] .. ':shift') or 0); return at end)()`
      return script.replaceAll(asked, () => shifted)
    },
    shift: async (ms) => void (await client.set(`${meta}:shift`, ms / 1_000)),
    async stop() {
      client.disconnect()
      await redis.stop()
    },
  }
}
