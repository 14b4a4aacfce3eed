/** The part of a WebSocket that carries application frames. */
interface Carrier {
  emit(event: string | symbol, ...args: unknown[]): boolean
  send(...args: unknown[]): void
  terminate(): void
}

/**
 * Lets no message through, in or out, once `mayCarry` says no, and ends the connection instead (S7). It asks the clock
 * at each frame, because a timer cannot be relied on: a process that slept past its lease wakes up with frames to read.
 * What is in kernel buffers already is out of reach.
 */
export function guardFrames(socket: object, mayCarry: () => boolean): void {
  const carrier = socket as Carrier
  const { emit, send } = carrier
  carrier.emit = (event, ...args) => {
    if (event !== 'message' || mayCarry()) return emit.call(carrier, event, ...args)
    carrier.terminate()
    return false
  }
  carrier.send = (...args) => {
    if (mayCarry()) return send.apply(carrier, args)
    carrier.terminate()
    const done = args.at(-1)
    if (typeof done === 'function') done(new Error('the lease of this node is out of trust'))
  }
}
