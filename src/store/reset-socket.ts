import type { Socket } from 'node:net'

/**
 * Closes a connection by a reset (RST) and not a FIN: what was not sent yet is dropped. While it is still being made, or its
 * own FIN is on its way, libuv can only close it: asked for a reset all the same, Node would leave the socket open for ever.
 */
export function resetSocket(socket: Socket): void {
  const { connecting, writableEnded, writableFinished } = socket
  if (connecting || (writableEnded && !writableFinished)) socket.destroy()
  else socket.resetAndDestroy()
}
