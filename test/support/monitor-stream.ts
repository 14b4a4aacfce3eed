import { connect } from 'node:net'
import { createInterface } from 'node:readline'

/** `source` is the client's address, or `lua` for what a script gave. */
export type HeardCommand = (source: string, args: string[]) => void

const LINE = /^\+\d+\.\d+ \[\d+ (\S+)\] "(.*)"$/

/**
 * Tells everything that Redis runs, in its order, from when this resolves; returns what ends it. Over a socket of its own:
 * the client library takes for replies what arrives in one piece with the answer to MONITOR, which on a busy Redis happens.
 */
export function monitorStream(url: string, heard: HeardCommand): Promise<() => void> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('connect', () => {
      // From here on it ends with the server, or when its test does.
      socket.off('error', reject).on('error', () => {})
      socket.write('MONITOR\r\n')
    })
    createInterface({ input: socket }).on('line', (line) => {
      if (line === '+OK') return resolve(() => void socket.destroy())
      const [, source, quoted] = LINE.exec(line) ?? []
      // A quote inside of an argument is escaped, so what stands between two arguments stands nowhere else.
      if (source && quoted !== undefined) heard(source, quoted.split('" "').map(unescaped))
    })
  })
}

function unescaped(text: string): string {
  return text.replace(/\\(["\\])/g, '$1')
}
