/** The part of a WebSocket that carries application frames. */
interface Carrier {
  emit(event: string | symbol, ...args: unknown[]): boolean
  send(...args: unknown[]): void
  terminate(): void
}

/** The part of a raw socket to which frames are handed. */
interface Wire {
  write(...args: unknown[]): boolean
  destroy(): unknown
}

/**
 * Lets no message through, in or out, once `mayCarry` says no, and ends the connection instead (S7). It asks the clock
 * at each frame, because a timer cannot be relied on: a process that slept past its lease wakes up with frames to read.
 * What ws holds back, because it compresses it or reads it from a Blob, is asked for again when it is handed to the raw
 * socket. What is in kernel buffers already is out of reach.
 */
export function guardFrames(socket: object, raw: Wire, mayCarry: () => boolean): void {
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
  const { write } = raw
  const opcodeIn = opcodes()
  raw.write = (...args) => {
    const opcode = args[0] instanceof Uint8Array ? opcodeIn(args[0]) : undefined
    if (opcode === undefined || opcode >= FIRST_CONTROL || mayCarry()) return write.apply(raw, args)
    raw.destroy()
    return false
  }
}

/** Control frames, of which one says why the connection is closed, have opcodes from here (RFC 6455, section 5.5). */
const FIRST_CONTROL = 0x8

/**
 * Reads the opcode of each frame from what is written to a socket: `undefined` for the rest of a frame that began before.
 * ws writes header and payload apart or together, never two frames at once, and a server masks nothing (RFC 6455, 5.2).
 */
function opcodes(): (bytes: Uint8Array) => number | undefined {
  let left = 0
  return (bytes) => {
    if (left > 0) {
      left -= bytes.length
      return undefined
    }
    // ws writes the payload of a frame without any too.
    if (bytes.length < 2) return undefined
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const short = view.getUint8(1) & 0x7f
    if (short === 126) left = 4 + view.getUint16(2)
    else if (short === 127) left = 10 + Number(view.getBigUint64(2))
    else left = 2 + short
    left -= bytes.length
    return view.getUint8(0) & 0x0f
  }
}
