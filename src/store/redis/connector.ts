import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectOverTls } from 'node:tls'
import { AbstractConnector, type RedisOptions } from 'ioredis'
import { lookUpHost } from '../../net/host-lookup.js'

/**
 * A name may have several addresses, of which one is silent: the next is tried after this time. Node's own patience is as
 * long as a whole call may take (250 ms). Where a name has one address only, nothing is given up.
 */
const AN_ADDRESS_MS = 100

/** Connects as ioredis does of its own accord, but looks the host up with others that look for the same. */
export class RedisConnector extends AbstractConnector {
  readonly #options: RedisOptions

  constructor(options: unknown) {
    const given = options as RedisOptions
    super(given.disconnectTimeout!)
    this.#options = given
  }

  override async connect(): Promise<Socket> {
    const { path, host, port, tls } = this.#options
    this.connecting = true
    // Whoever asked may end it before there is a socket.
    await Promise.resolve()
    if (!this.connecting) throw new Error('given up')
    const at = path
      ? { path }
      : { host, port: port!, lookup: lookUpHost, autoSelectFamilyAttemptTimeout: AN_ADDRESS_MS }
    this.stream = tls ? connectOverTls({ ...at, ...tls }) : connectPlain(at)
    this.stream.once('error', (error) => {
      this.firstError = error
    })
    return this.stream
  }
}
