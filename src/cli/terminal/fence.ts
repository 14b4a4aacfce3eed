import { safe } from './safe-text.js'

/** What `safe` writes otherwise, but for the backslash; with the colours in which a page is painted. */
const UNSAFE_IN_LINE = /\p{Cc}\[\d{1,2}m|[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu
const ESCAPE = '\x1b['

/**
 * A line as it goes to a terminal. A second fence behind `safe`: who answers in the place of a node may say a text where a
 * number is due.
 */
export function fenced(line: string): string {
  return line.replace(UNSAFE_IN_LINE, (found) => (found.startsWith(ESCAPE) ? found : safe(found)))
}
