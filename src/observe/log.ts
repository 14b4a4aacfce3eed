import { type DestinationStream, type LoggerOptions, pino, stdTimeFunctions } from 'pino'
import { systemClock, within } from '../core/clock.js'
import { harmlessJson } from '../core/json-line.js'
import { GatheredLines } from './gathered-lines.js'

/**
 * Where parts of the server tell operators what happened: fields for machines, then one sentence. Never hand it a key,
 * a token or a request's headers.
 */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  /** The same log with `fields` on every line. */
  child(fields: object): Log
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

export interface LogOptions {
  readonly level: LogLevel
  /** On every line, for whoever reads the logs of several nodes together. */
  readonly node: string
  /** Receives one line of JSON at a time; standard output where absent. */
  readonly destination?: DestinationStream
}

/** A second fence only: a secret that somebody logs by mistake under its usual name is struck out. */
const SECRETS = ['key', 'apiKey', 'token', 'adminToken', 'password', 'authorization', 'headers', 'redisUrl']

/** So much may wait for a reader of standard output that has stalled; what comes then is dropped and counted. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024
/** So long the end of the process waits for that reader. */
const LAST_LINES_MS = 2_000

/** The log of a process, which must not end before its last lines are written. */
export interface ProcessLog extends Log {
  /** Resolves when all lines are written, or cannot be, or their reader has not taken them within 2 s. */
  written(): Promise<void>
}

/**
 * Lines of JSON with `level` as a word and `time` in ISO 8601, in which nothing commands a terminal. Standard output is
 * written in the background: what comes within 10 ms of a write, or while it is under way, shares the next one, so that
 * a storm of lines does not hold up the loop. What waits is written when the process ends by an exception, and with every
 * `fatal`; before `process.exit` wait for `written`.
 */
export function createLog({ level, node, destination }: LogOptions): ProcessLog {
  const options = {
    level,
    base: { node },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    // Names of others stand in it, and who reads a log often does it in a terminal.
    hooks: { streamWrite: harmlessJson },
    redact: { paths: [...SECRETS, ...SECRETS.map((name) => `*.${name}`)], censor: '***' },
  }
  if (destination === undefined) return logToStdout(options)
  return Object.assign(pino(options, destination), { written: async () => {} })
}

function logToStdout(options: LoggerOptions): ProcessLog {
  let giveUpAtMs = Number.POSITIVE_INFINITY
  const retryEAGAIN = () => systemClock.monotonicMs() < giveUpAtMs
  const stdout = pino.destination({ dest: 1, sync: false, maxLength: MAX_WAITING_BYTES, retryEAGAIN })
  const lines = new GatheredLines(stdout, systemClock)
  // A line that is `fatal` is written before anything else happens.
  const log = pino(options, Object.assign(lines, { flushSync: () => stdout.flushSync() }))
  let dropped = 0
  stdout.on('drop', (text: string) => {
    dropped += text.split('\n').length - 1
  })
  stdout.on('drain', () => {
    if (dropped > 0) log.warn({ lines: dropped }, 'lines of this log were dropped: its reader was too slow')
    dropped = 0
  })
  let failing = false
  stdout.on('write', () => {
    failing = false
  })
  // A disk that is full must cost the log, not the connections.
  stdout.on('error', () => {
    failing = true
  })
  // Nor the end of the process: where nothing can be written, or nobody reads, the last flush would go on for ever.
  const flush = stdout.flushSync.bind(stdout)
  stdout.flushSync = () => {
    if (failing) return
    // Otherwise they would be handed to the background, and the process may end before it has its turn.
    Object.assign(stdout, { minLength: Number.POSITIVE_INFINITY })
    lines.flush()
    Object.assign(stdout, { minLength: 0 })
    giveUpAtMs = systemClock.monotonicMs() + LAST_LINES_MS
    try {
      flush()
    } catch {
      // What has not been written is lost with the process.
    }
    giveUpAtMs = Number.POSITIVE_INFINITY
  }
  const written = async () => {
    let isOver = false
    const over = new Promise<void>((resolve) => {
      for (const end of ['drain', 'error']) stdout.once(end, () => resolve())
      lines.flush()
      // Nothing more to write is told after a write alone.
      stdout.write('')
    })
    await within(
      systemClock,
      LAST_LINES_MS,
      over.then(() => {
        isOver = true
      }),
    )
    // Not even once more, at the exit: it would write what comes behind lines that are half written.
    if (!isOver) failing = true
  }
  return Object.assign(log, { written })
}
