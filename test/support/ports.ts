import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// Below the range from which Linux and macOS take the ports of outgoing connections: a port that is free now is not
// taken by a passing client before its server listens.
const LOWEST = 10_000
const HIGHEST = 32_000

/** A file for each port that was given, by whichever process: nothing else shows it before its server listens. */
const DIRECTORY = join(tmpdir(), `headcount-ports-${process.getuid?.() ?? 'all'}`)

const given = new Set<number>()

/** A TCP port that nobody listens on, and that no process of this machine was given that lives and asked here. */
export async function freePort(): Promise<number> {
  mkdirSync(DIRECTORY, { recursive: true })
  if (given.size === 0) process.once('exit', () => given.forEach(giveBack))
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST))
    if (!take(port)) continue
    given.add(port)
    if (await isFree(port)) return port
  }
  throw new Error(`no free TCP port found between ${LOWEST} and ${HIGHEST} in 100 attempts`)
}

/** Lets the ports of processes go that are gone, and had no time to do so. For the beginning of a run. */
export function forgetDeadPorts(): void {
  mkdirSync(DIRECTORY, { recursive: true })
  for (const port of readdirSync(DIRECTORY)) if (!isAlive(ownerOf(port))) giveBack(port)
}

function take(port: number): boolean {
  try {
    writeFileSync(join(DIRECTORY, String(port)), String(process.pid), { flag: 'wx' })
    return true
  } catch {
    return false
  }
}

function giveBack(port: number | string): void {
  rmSync(join(DIRECTORY, String(port)), { force: true })
}

function ownerOf(port: string): number {
  try {
    return Number(readFileSync(join(DIRECTORY, port), 'utf8'))
  } catch {
    return 0
  }
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0)
  } catch {
    return false
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, () => server.close(() => resolve(true)))
  })
}
