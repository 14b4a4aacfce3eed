import type { Socket } from 'node:net'

/**
 * Closes a connection by a reset (RST) and not a FIN: what was not sent yet is dropped. One that is still being made,
 * or that has been told to end, is only closed: while its FIN is on its way libuv cannot reset it, and asked to, Node
 * would leave the socket open for ever.
 */
export function resetSocket(socket: Socket): void {
  const { connecting, writableEnded, writableFinished } = socket
  if (connecting || (writableEnded && !writableFinished)) socket.destroy()
  else socket.resetAndDestroy()
}
