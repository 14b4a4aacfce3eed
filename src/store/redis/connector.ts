import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectOverTls } from 'node:tls'
import { AbstractConnector, type RedisOptions } from 'ioredis'
import { lookUpHost } from '../../net/host-lookup.js'

/** Of the time for a connection, so much is for an address of a name that has several, as one of them may be silent. */
const ADDRESS_SHARE = 0.4
/** Node's own patience: as long as a whole call may take by default. */
const AN_ADDRESS_AT_MOST_MS = 250

export interface ConnectorTime {
  /** How long there is for the connection. */
  readonly withinMs: number
}

/** Connects as ioredis does of its own accord, but looks the host up with others that look for the same. */
export class RedisConnector extends AbstractConnector {
  readonly #options: RedisOptions & ConnectorTime

  constructor(options: unknown) {
    const given = options as RedisOptions & ConnectorTime
    super(given.disconnectTimeout!)
    this.#options = given
  }

  override async connect(): Promise<Socket> {
    const { path, host, port, tls, withinMs } = this.#options
    this.connecting = true
    // Whoever asked may end it before there is a socket.
    await Promise.resolve()
    if (!this.connecting) throw new Error('given up')
    // Node closes an attempt before it makes the next. Of a name with one address none is given up.
    const autoSelectFamilyAttemptTimeout = Math.min(AN_ADDRESS_AT_MOST_MS, Math.ceil(withinMs * ADDRESS_SHARE))
    const at = path ? { path } : { host, port: port!, lookup: lookUpHost, autoSelectFamilyAttemptTimeout }
    this.stream = tls ? connectOverTls({ ...at, ...tls }) : connectPlain(at)
    this.stream.once('error', (error) => {
      this.firstError = error
    })
    return this.stream
  }
}
