import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compiledClockShim } from '../test/support/clock-shim.js'
import { temporaryDirectory } from '../test/support/owned-process.js'
import type { Launcher } from '../test/support/redis-launcher.js'

/** A wall clock that can be put forward and back while the Redis that reads it runs. */
export interface MovableClock {
  /** What a Redis must be started with to read this clock. */
  readonly env: Readonly<Record<string, string>>
  /** How far it is ahead from now on, in milliseconds; negative for behind. */
  move(aheadMs: number): void
}

/** Beside this file where vitest runs it; npm run chaos runs what was compiled into chaos/dist/chaos. */
const SHIM = import.meta.url.endsWith('.ts') ? '../test/support/clock-shim.c' : '../../../test/support/clock-shim.c'

/** Without a C compiler, or where Redis runs in a container, its clock cannot be moved. */
export async function movableClock(launcher: Launcher): Promise<MovableClock | undefined> {
  if (launcher.kind !== 'binary') return undefined
  const library = await compiledClockShim(fileURLToPath(new URL(SHIM, import.meta.url)))
  if (library === undefined) return undefined
  const path = join(temporaryDirectory(), 'offset')
  writeFileSync(path, Buffer.alloc(8))
  return { env: { LD_PRELOAD: library, CLOCK_SHIM_FILE: path }, move: (aheadMs) => writeOffset(path, aheadMs) }
}

function writeOffset(path: string, aheadMs: number): void {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(BigInt(aheadMs))
  // Written over in place: the reader has the file mapped.
  const file = openSync(path, 'r+')
  writeSync(file, bytes, 0, bytes.length, 0)
  closeSync(file)
}
