/**
 * A line of JSON that may go to a terminal too: JSON itself lets through some of what commands one, and what turns the
 * direction of text or has no glyph. It reads as the same value.
 */
export function harmlessJson(json: string): string {
  return PLAIN.test(json) ? json : json.replace(HARMFUL, escaped)
}

/** What nearly every line consists of. */
const PLAIN = /^[\n -~]*$/
const HARMFUL = /(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu

function escaped(found: string): string {
  return found
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}
