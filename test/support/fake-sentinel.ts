import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'

/** What a sentinel says that a test makes up. */
export interface FakeSentinel {
  readonly port: number
  /** Whom it names, as of which failover; `undefined` where it does not know the name. */
  primary: { readonly port: number; readonly configEpoch?: number } | undefined
  /** Whether it answers at all. */
  silent: boolean
  /** The password it asks for. */
  password: string | undefined
  /** How often it was asked. */
  readonly asked: number
  stop(): Promise<void>
}

/** A sentinel that names, truly or falsely, whom the test wants. It speaks as much of the protocol as clients ask. */
export async function startFakeSentinel(primary?: FakeSentinel['primary'], tls?: TlsOptions): Promise<FakeSentinel> {
  const sockets = new Set<Socket>()
  const serve = (socket: Socket) => {
    let admitted = false
    sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)))
    socket.on('data', (bytes) => {
      // Clients send whole commands at once.
      for (const command of bytes.toString('latin1').split(/(?=^\*\d+\r$)/m)) {
        const words = [...command.matchAll(/^\$\d+\r\n(.*)\r$/gm)].map((found) => found[1]!)
        if (words[0]?.toLowerCase() === 'auth') admitted = words.at(-1) === sentinel.password
        if (!sentinel.silent) socket.write(answerTo(words, admitted))
      }
    })
  }
  const server = (tls ? createTlsServer(tls, serve) : createServer(serve)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const sentinel = {
    port: (server.address() as AddressInfo).port,
    primary,
    silent: false,
    password: undefined as string | undefined,
    asked: 0,
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }

  function answerTo([verb = '', what = '']: readonly string[], admitted: boolean): string {
    if (verb.toLowerCase() === 'auth') return admitted ? '+OK\r\n' : '-WRONGPASS invalid password\r\n'
    if (sentinel.password !== undefined && !admitted) return '-NOAUTH Authentication required.\r\n'
    if (what === 'GET-MASTER-ADDR-BY-NAME') {
      sentinel.asked++
      return sentinel.primary ? list('127.0.0.1', String(sentinel.primary.port)) : '*-1\r\n'
    }
    const { configEpoch } = sentinel.primary ?? {}
    if (configEpoch === undefined) return '-ERR No such master with that name\r\n'
    return list('name', 'm', 'flags', 'master', 'config-epoch', String(configEpoch))
  }

  return sentinel
}

function list(...words: string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`
}
