import { Socket } from 'node:net'
import { Redis } from 'ioredis'
import { beforeEach } from 'vitest'
import { until } from './until.js'

export interface LeakGateOptions {
  /** Whose slots must be given back: a key prefix, asked for after each test. */
  readonly prefix?: () => string | undefined
  /** The Redis to look in; needed with `prefix`. */
  readonly redisUrl?: () => string | undefined
  /** How long what a test left may take to go, in milliseconds. */
  readonly graceMs?: number
}

/** What of this process's resources a test must give back. */
const WATCHED = ['TCPSocketWrap', 'TCPServerWrap', 'PipeWrap', 'PipeServerWrap', 'UDPWrap', 'ProcessWrap']

/**
 * Fails each test of this file (or describe) that leaves a socket, a server, a child process, a timer of ours or a slot
 * in Redis behind. Call it at the top: it looks when everything that was set up after it has been cleaned up, by
 * `afterEach` or `onTestFinished`.
 */
export function leakGate({ prefix, redisUrl, graceMs = 3_000 }: LeakGateOptions = {}): void {
  beforeEach(({ onTestFinished }) => {
    watchTimers()
    const before = countResources()
    ourTimers.clear()
    onTestFinished(async () => {
      let leaks: string[] = []
      const clean = async () => {
        leaks = [...leakedResources(before), ...leakedTimers(), ...(await leakedKeys(prefix?.(), redisUrl?.()))]
        return leaks.length === 0
      }
      await until(clean, { withinMs: graceMs }).catch((cause: unknown) => {
        const left = [...leaks, ...openSockets().slice(0, 20)].join('\n  ')
        throw new Error(`this test left behind, after ${graceMs} ms of grace:\n  ${left}`, { cause })
      })
    })
  })
}

function countResources(): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

function leakedResources(before: Map<string, number>): string[] {
  const now = countResources()
  return WATCHED.flatMap((name) => {
    const more = (now.get(name) ?? 0) - (before.get(name) ?? 0)
    return more > 0 ? [`${more} × ${name}`] : []
  })
}

/** Sockets of this process with both ends, by which a leak can be found. Node has no public way to ask. */
function openSockets(): string[] {
  const handles = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles()
  return handles.flatMap((handle) => {
    if (!(handle instanceof Socket) || handle.remotePort === undefined) return []
    const { localPort, remotePort, readyState, readableEnded, writableEnded } = handle
    return [`open: ${localPort} to ${remotePort}, ${JSON.stringify({ readyState, readableEnded, writableEnded })}`]
  })
}

/** Keys that stand for a slot, its index or its lease; counters and settings may stay. */
async function leakedKeys(prefix: string | undefined, url: string | undefined): Promise<string[]> {
  if (prefix === undefined) return []
  if (url === undefined) throw new Error('leakGate needs redisUrl where it is given a prefix')
  const redis = new Redis(url, { maxRetriesPerRequest: 1, commandTimeout: 2_000 })
  try {
    const keys: string[] = []
    for await (const page of redis.scanStream({ match: `${prefix}*`, count: 1_000 })) keys.push(...(page as string[]))
    return keys.map((key) => key.slice(prefix.length)).filter((key) => /^(\{[^}]*\}:)?(org|scope|conns):/.test(key))
  } finally {
    redis.disconnect()
  }
}

const CLOCK = /src\/core\/clock\.[jt]s/

/**
 * Timers of src do not keep the process alive, so Node does not list them as active. All of them are made in
 * src/core/clock.ts, so the stack of their making tells them from those of the test runner.
 */
const ourTimers = new Map<NodeJS.Timeout, string>()
let watching = false

function watchTimers(): void {
  if (watching) return
  watching = true
  for (const name of ['setTimeout', 'setInterval'] as const) watch(name)
}

function watch(name: 'setTimeout' | 'setInterval'): void {
  const original = globalThis[name] as (...args: unknown[]) => NodeJS.Timeout
  const watched = (...args: unknown[]) => {
    const timer = original(...args)
    const stack = new Error().stack ?? ''
    if (CLOCK.test(stack)) ourTimers.set(timer, stack)
    if (ourTimers.size > 5_000) forgetEndedTimers()
    return timer
  }
  // setTimeout carries its promisified form with it.
  Object.defineProperties(watched, Object.getOwnPropertyDescriptors(original))
  globalThis[name] = watched as never
}

function forgetEndedTimers(): void {
  for (const timer of ourTimers.keys()) {
    // Node has no public way to ask whether a timer is over.
    if ((timer as unknown as { _destroyed: boolean })._destroyed) ourTimers.delete(timer)
  }
}

function leakedTimers(): string[] {
  forgetEndedTimers()
  return [...ourTimers.values()].map((stack) => `a timer made ${callerOf(stack)}`)
}

function callerOf(stack: string): string {
  const lines = stack.split('\n')
  const inClock = lines.findLastIndex((line) => CLOCK.test(line))
  return (lines[inClock + 1] ?? lines[inClock] ?? '').trim()
}
