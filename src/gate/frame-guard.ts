import { frameStarts } from './frame-starts.js'

/** The part of a WebSocket that carries application frames. */
interface Carrier {
  readonly readyState: number
  emit(event: string | symbol, ...args: unknown[]): boolean
  send(...args: unknown[]): void
  terminate(): void
}

/** The part of a raw socket to which frames are handed. */
interface Wire {
  write(...args: unknown[]): boolean
}

/** Control frames, of which one says why the connection is closed, have opcodes from here (RFC 6455, section 5.5). */
const FIRST_CONTROL = 0x8
/** `WebSocket.OPEN`. */
const OPEN = 1

/**
 * Lets no message through, in or out, once `mayCarry` says no, and ends the connection instead (S7). It asks the clock
 * at each frame, because a timer cannot be relied on: a process that slept past its lease wakes up with frames to read.
 * What ws holds back, because it compresses it or reads it from a Blob, is asked for again when it is handed to the raw
 * socket. Where the connection is being closed already, such a frame is left out, so that the reason behind it is still
 * told. What is in the buffers of Node and of the kernel already is out of reach.
 */
export function guardFrames(socket: object, raw: Wire, mayCarry: () => boolean): void {
  const carrier = socket as Carrier
  const { emit, send } = carrier
  const end = () => {
    if (carrier.readyState === OPEN) carrier.terminate()
  }
  carrier.emit = (event, ...args) => {
    if (event !== 'message' || mayCarry()) return emit.call(carrier, event, ...args)
    end()
    return false
  }
  carrier.send = (...args) => {
    if (mayCarry()) return send.apply(carrier, args)
    end()
    tellLeftOut(args)
  }
  const { write } = raw
  const opcodeOf = frameStarts()
  let isLeftOut = false
  raw.write = (...args) => {
    const opcode = opcodeOf(args[0])
    // What begins no frame shares the fate of the one that it belongs to.
    if (opcode !== undefined) isLeftOut = opcode < FIRST_CONTROL && !mayCarry()
    if (!isLeftOut) return write.apply(raw, args)
    end()
    tellLeftOut(args)
    return false
  }
}

function tellLeftOut(args: readonly unknown[]): void {
  const done = args.at(-1)
  if (typeof done === 'function') queueMicrotask(() => done(new Error('the lease of this node is out of trust')))
}
