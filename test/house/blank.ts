const TOKENS = new RegExp(
  [
    String.raw`(?<comment>\/\/[^\n]*|\/\*[^]*?\*\/)`,
    String.raw`(?<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")`,
    // A slash begins a regular expression where no value can stand before it.
    String.raw`(?<regex>(?<=(?:[(,=:[!&|?{};]|=>|return)\s*)\/(?:[^\/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*)`,
    '(?<punctuation>[`{}]|\\\\`)',
  ].join('|'),
  'g',
)

/**
 * Replaces comments, and strings where asked, by spaces, so that a rule about code is not broken by prose. Code inside
 * of template strings is code.
 */
export function blank(text: string, { strings }: { strings: boolean }): string {
  const out = text.split('')
  const erase = (from: number, to: number) => {
    for (let i = from; i < to; i++) if (out[i] !== '\n') out[i] = ' '
  }
  // Open braces and templates, innermost last: '{' in code, '${' in a template, '`' a template itself.
  const open: string[] = []
  let position = 0
  while (position < text.length) {
    if (open.at(-1) === '`') {
      const end = endOfTemplateText(text, position)
      if (strings) erase(position, end.at)
      if (end.opens) open.push('${')
      else open.pop()
      position = end.next
      continue
    }
    TOKENS.lastIndex = position
    const match = TOKENS.exec(text)
    if (!match) break
    const { comment, string, regex, punctuation } = match.groups as Record<string, string | undefined>
    if (comment !== undefined || (strings && (string ?? regex) !== undefined)) erase(match.index, TOKENS.lastIndex)
    if (punctuation === '`' || punctuation === '{') open.push(punctuation)
    if (punctuation === '}') open.pop()
    position = TOKENS.lastIndex
  }
  return out.join('')
}

/** Where the text of a template that goes on at `from` ends: at its backtick or at a `${`. */
function endOfTemplateText(text: string, from: number): { at: number; next: number; opens: boolean } {
  for (let i = from; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '`') return { at: i, next: i + 1, opens: false }
    else if (text[i] === '$' && text[i + 1] === '{') return { at: i, next: i + 2, opens: true }
  }
  return { at: text.length, next: text.length, opens: false }
}
