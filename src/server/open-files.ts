import { readFileSync } from 'node:fs'
import { MAX_WAITERS } from '../node/probing/waiting-room.js'
import type { Log } from '../observe/log.js'
import type { Config } from './config.js'

/**
 * What a node has open besides the connections that count: those that wait for a slot, listeners, Redis, operators, and
 * newcomers that are being refused.
 */
const OPEN_BESIDES = MAX_WAITERS + 200

/**
 * Warns where this process may not open as many files as its connections need: beyond that newcomers and operators are
 * reset by the system, and nothing in the node learns of it. Says nothing where the system has no /proc.
 */
export function warnOfFewFiles({ maxConnections }: Config, log: Log): void {
  const openFiles = softLimit()
  const needed = maxConnections + OPEN_BESIDES
  if (openFiles === undefined || openFiles >= needed) return
  log.warn({ openFiles, needed, maxConnections }, 'too few open files for so many connections: raise `ulimit -n`')
}

/** `undefined` where it is not known or there is none. Node itself raises it to the hard limit when it starts. */
function softLimit(): number | undefined {
  try {
    const digits = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return digits === undefined ? undefined : Number(digits)
  } catch {
    return undefined
  }
}
