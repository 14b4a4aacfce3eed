import { constants, open } from 'node:fs/promises'

/** Half a million keys; what is larger is no key file, and would be kept in memory whole. */
const MOST_BYTES = 64 * 1024 * 1024
const TOO_LARGE = 'more than 64 MiB'

/**
 * All bytes of a regular file of at most 64 MiB. Rejects with a message that says so where it is anything else, and with
 * the error of the system, which has a `code`, where that fails.
 */
export async function readKeyFile(path: string): Promise<Uint8Array> {
  // Whoever opens a FIFO waits for its writer, and keeps one of the few threads for that which a process has.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw new Error('no regular file')
    if (stat.size > MOST_BYTES) throw new Error(TOO_LARGE)
    const pieces: Buffer[] = []
    let bytes = 0
    // It may grow, and the size of what the system keeps under /proc is 0.
    for await (const piece of file.createReadStream({ end: MOST_BYTES, autoClose: false })) {
      pieces.push(piece)
      bytes += piece.length
    }
    if (bytes > MOST_BYTES) throw new Error(TOO_LARGE)
    return Buffer.concat(pieces, bytes)
  } finally {
    await file.close()
  }
}
