/**
 * Follows what ws writes to a socket, and says of each write the opcode of the frame that it begins; `undefined` for the
 * rest of a frame that began before, and for what is no frame. Header and payload come apart or together, the payload of
 * a text as a text, and never two frames at once (RFC 6455, section 5.2). Never throws, whatever is written.
 */
export function frameStarts(): (written: unknown) => number | undefined {
  let left = 0
  return (written) => {
    const length = lengthOf(written)
    if (left > 0) {
      left = Math.max(0, left - length)
      return undefined
    }
    if (!(written instanceof Uint8Array) || length < 2) return undefined
    left = Math.max(0, frameLength(written) - length)
    return written[0]! & 0x0f
  }
}

function lengthOf(written: unknown): number {
  if (typeof written === 'string') return Buffer.byteLength(written)
  return written instanceof Uint8Array ? written.length : 0
}

/** Header, mask and payload. */
function frameLength(header: Uint8Array): number {
  const view = new DataView(header.buffer, header.byteOffset, header.length)
  const short = view.getUint8(1) & 0x7f
  const mask = view.getUint8(1) & 0x80 ? 4 : 0
  if (short === 126 && header.length >= 4) return 4 + mask + view.getUint16(2)
  if (short === 127 && header.length >= 10) return 10 + mask + Number(view.getBigUint64(2))
  return 2 + mask + short
}
