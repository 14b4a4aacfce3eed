/** More than anybody calls anything that is meant to be read. */
const MOST_SHOWN = 64

/**
 * A value in a message, as a program would write it: a text in quotes and a bigint with its n, so that neither '3' nor 3n
 * is taken for 3. Of what holds more than itself the kind alone: a URL, a Buffer or a list may have a password in it, and
 * not everything becomes text.
 */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  return Array.isArray(value) ? 'a list' : 'an object'
}

/** The same where a text may be a secret that stands in the wrong place. */
export function kindShown(value: unknown): string {
  return typeof value === 'string' ? 'text' : shown(value)
}

/** The beginning of a text of which nobody else bounds the length, so that a line stays one that can be read. */
export function beginningOf(text: string): string {
  return text.length <= MOST_SHOWN ? text : `${text.slice(0, MOST_SHOWN)}…`
}
