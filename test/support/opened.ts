import type { Server } from 'node:http'
import { onTestFinished } from 'vitest'
import { closeServer, listen } from '../../src/server/listen.js'
import { RawClient } from './raw-client.js'

/** Has a server listen until the test is over, and gives its clients, each with what it sends first. */
export async function opened(server: Server): Promise<(bytes?: string | Buffer) => RawClient> {
  const port = await listen(server, 0, '127.0.0.1', 'PORT')
  onTestFinished(() => closeServer(server))
  return (bytes = '') => {
    const client = new RawClient(port).send(bytes)
    onTestFinished(async () => {
      client.reset()
      await client.closed
    })
    return client
  }
}
