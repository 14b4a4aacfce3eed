import type { Redis } from 'ioredis'
import { resetSocket } from '../../net/reset-socket.js'

/**
 * Ends a connection by a reset, not a FIN: unsent bytes are dropped instead of being delivered when the network heals.
 * It comes before ioredis ends the stream, because a socket that is shutting down can no longer be reset. TLS has no
 * such call on its own socket; there the generation alone has to do. Idempotent.
 */
export function cut(redis: Redis): void {
  const stream = redis.stream
  // Ending it again would only make ioredis start a timer that nobody stops.
  if (stream?.destroyed) return
  try {
    if (stream) resetSocket(stream)
  } catch {
    stream.destroy()
  }
  redis.disconnect()
}
