import { safe } from './safe-text.js'

/** What `safe` writes otherwise, but for the backslash; with the colours in which a page is painted, of which none hides. */
const UNSAFE_IN_LINE = /\p{Cc}\[(?:1|2|22|3[1-3]|39)m|[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu
const ESCAPE = '\x1b['

/**
 * A line as it goes to a terminal. A second fence behind `safe`: who answers in the place of a node may say a text where a
 * number is due.
 */
export function fenced(line: string): string {
  return line.replace(UNSAFE_IN_LINE, (found) => (found.startsWith(ESCAPE) ? found : safe(found)))
}
