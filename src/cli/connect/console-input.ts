import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { safe } from '../terminal/safe-text.js'
import type { Crowd } from './crowd.js'

export const CONSOLE_HINT = 'Ctrl-C closes them; type a number to close that one, "open" to open one more.'

/** Obeys what is typed: a number (or `close 2`) closes that connection, `open` opens one more. Returns the stop. */
export function obeyConsole(crowd: Crowd): () => void {
  if (process.stdin.isTTY && inBackground()) return () => {}
  // Not as a terminal: readline would take Ctrl-C for itself.
  const lines = createInterface({ input: process.stdin, terminal: false })
  // A terminal that goes away is no reason to let the connections go.
  process.stdin.on('error', () => {})
  lines.on('line', (line) => {
    const number = /^(?:close\s+)?#?(\d{1,9})$/.exec(line.trim())?.[1]
    if (number !== undefined) crowd.close(Number(number))
    else if (line.trim() === 'open') void crowd.open()
    else if (line.trim() !== '')
      process.stderr.write(`headcount: "${safe(line.trim())}" is not known. ${CONSOLE_HINT}\n`)
  })
  return () => {
    lines.close()
    process.stdin.destroy()
  }
}

/** The shell would suspend a background job that reads the terminal, and all its connections would time out. */
function inBackground(): boolean {
  try {
    // The command's name, in brackets, may hold anything; after it come state, parent, group, session, tty, foreground.
    const fields = readFileSync('/proc/self/stat', 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return fields[2] !== fields[5]
  } catch {
    return false
  }
}
