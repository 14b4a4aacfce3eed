import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import type { AddressInfo } from 'node:net'
import { UsageError } from '../core/errors.js'

/** Slow and oversized requests end here, before anything of ours sees them. */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16 * 1024,
}

/**
 * Connections that wait to be accepted. When a neighbour dies, all its clients come at one instant: with Node's own 511
 * the kernel drops the rest, and they come again after 1, 3 and 7 s. The kernel has a ceiling of its own (somaxconn).
 */
const BACKLOG = 4_096

export function httpServer(listener: RequestListener, options: ServerOptions = {}): Server {
  // To an `Expect` that it does not know Node answers 417 by itself and keeps the connection, for any number of requests that
  // no limit counts; our listener answers instead.
  const server = createServer({ ...LIMITS, ...options }, listener).on('checkExpectation', listener)
  // Their size is bounded above. By default Node silently leaves out what comes after some 1,000 of them: a client would
  // choose so whether we see what a proxy of ours has written behind what the client sent.
  server.maxHeadersCount = 0
  return server
}

/** Resolves with the port once the server listens. Throws `CANNOT_LISTEN` with the reason and what to do. */
export function listen(server: Server, port: number, host: string | undefined, variable: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => {
      const where = `${host ?? 'all interfaces'}, port ${port}`
      reject(
        new UsageError('CANNOT_LISTEN', `cannot listen on ${where} (${error.code}); set ${variable} to another one`),
      )
    }
    server.once('error', fail)
    server.listen({ port, host, backlog: BACKLOG }, () => {
      server.off('error', fail)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

/** Stops listening and closes what is left of plain HTTP; upgraded sockets are not its business. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
