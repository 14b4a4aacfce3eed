import { harmlessJson } from '../../core/json-line.js'

/**
 * What must not reach a terminal as it is: control characters, marks that turn the direction of text or have no width,
 * spaces and line ends of other kinds, what has no glyph, and the backslash, with which the others are written.
 */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}\\]|(?! )\p{Zs}/gu
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u

/**
 * A text of others for a terminal: whatever it holds, it stays one line, commands nothing, and can be told from any
 * other.
 */
export function safe(text: string): string {
  return text.replace(UNSAFE, (found) => (found === '\\' ? '\\\\' : `\\u{${found.codePointAt(0)!.toString(16)}}`))
}

/** How many columns of a terminal a safe text takes. */
export function widthOf(text: string): number {
  let width = 0
  for (const character of text) width += WIDE.test(character) ? 2 : /\p{M}/u.test(character) ? 0 : 1
  return width
}

/** One line of JSON that may go to a terminal too. */
export function jsonLine(value: unknown): string {
  return harmlessJson(JSON.stringify(value))
}
