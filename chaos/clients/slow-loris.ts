import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Dice } from '../dice.js'

/**
 * A client that sends its request a few letters at a time and never finishes it, again and again until the signal. It
 * takes no slot, so nothing is written down; it is there to be a burden.
 */
export async function slowLoris(urls: readonly string[], dice: Dice, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { port, hostname, pathname } = new URL(dice.oneOf(urls))
    const socket = connect({ port: Number(port), host: hostname })
    socket.on('error', () => {})
    const gone = new Promise((resolve) => socket.once('close', resolve))
    socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\nX-Slow: `)
    while (!socket.destroyed && !signal.aborted) {
      socket.write('z')
      await sleep(dice.between(200, 1_500), undefined, { signal }).catch(() => {})
    }
    socket.destroy()
    await gone
  }
}
