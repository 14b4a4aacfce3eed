import { type DestinationStream, pino, stdTimeFunctions } from 'pino'

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

/** Lines of JSON with `level` as a word and `time` in ISO 8601. */
export function createLog({ level, node, destination }: LogOptions): Log {
  const options = {
    level,
    base: { node },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: [...SECRETS, ...SECRETS.map((name) => `*.${name}`)], censor: '***' },
  }
  return destination === undefined ? pino(options) : pino(options, destination)
}

/** Says nothing: for embedding, until the embedding program hands over its own. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
}
