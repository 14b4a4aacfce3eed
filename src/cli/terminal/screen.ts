import { setTimeout as wait } from 'node:timers/promises'

/** The other screen of a terminal, without a cursor, so that what was there before comes back. */
const ENTER = '\x1b[?1049h\x1b[?25l'
const LEAVE = '\x1b[?25h\x1b[?1049l'
const HOME = '\x1b[H'
const CLEAR_LINE = '\x1b[K'
const CLEAR_BELOW = '\x1b[J'

/** Ctrl-C and Ctrl-D come as bytes while each key is read at once. */
const QUIT = ['q', 'Q', '\x03', '\x04']

interface Drawn {
  readonly text: string
  readonly code: number
}

/**
 * Draws again and again: over itself on a terminal, one below the other anywhere else. Ends on Ctrl-C, on `q`, and when
 * nobody reads any more. Resolves with the code of what was drawn last.
 */
export async function refreshing(everyMs: number, draw: () => Promise<Drawn>): Promise<number> {
  const over = new AbortController()
  const stop = () => over.abort()
  const leave = process.stdout.isTTY ? takeOver(stop) : () => {}
  process.once('SIGINT', stop).once('SIGTERM', stop)
  process.stdout.on('error', stop)
  let code = 0
  try {
    while (!over.signal.aborted) {
      const drawn = await draw()
      if (over.signal.aborted) break
      code = drawn.code
      process.stdout.write(process.stdout.isTTY ? frame(drawn.text, process.stdout.rows) : drawn.text)
      await wait(everyMs, undefined, { signal: over.signal }).catch(() => {})
    }
  } finally {
    // Also where drawing failed: nobody can read why on the other screen, nor type on a terminal that is raw.
    leave()
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
  return code
}

/** Written over what is there instead of clearing first, which flickers; what does not fit is left out at the end. */
function frame(text: string, rows: number): string {
  // A terminal that does not know how high it is says 0.
  const lines = text.split('\n').slice(0, rows > 1 ? rows - 1 : undefined)
  return `${HOME}${lines.map((line) => `${line}${CLEAR_LINE}`).join('\n')}${CLEAR_BELOW}`
}

function takeOver(stop: () => void): () => void {
  const { stdin, stdout } = process
  stdout.write(ENTER)
  const onKeys = (keys: Buffer) => {
    if (QUIT.some((key) => keys.includes(key))) stop()
  }
  if (stdin.isTTY) stdin.setRawMode(true).on('data', onKeys)
  return () => {
    if (stdin.isTTY) stdin.setRawMode(false).off('data', onKeys)
    stdin.destroy()
    stdout.write(LEAVE)
  }
}
