export type ParsedJson =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: string }

/**
 * Reads a file's bytes as JSON in UTF-8 and says where it breaks. Never repeats what stands there: the parser's own
 * message quotes the text around the fault, which in these files may be a key.
 */
export function parseJson(bytes: Uint8Array): ParsedJson {
  let text: string
  try {
    // Broken UTF-8 would otherwise be replaced silently, and an org would get another name.
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return { ok: false, reason: 'it is not valid UTF-8' }
  }
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch (error) {
    return { ok: false, reason: `it is not valid JSON${whereJsonBreaks(text, String(error))}` }
  }
}

/**
 * The fields of an object in JSON, of whatever type they are; none where the text is something else, since somebody else
 * wrote it then.
 */
export function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
  } catch {
    return {}
  }
}

function whereJsonBreaks(text: string, message: string): string {
  const position = /at position (\d+)/.exec(message)?.[1]
  if (position !== undefined) {
    const lines = text.slice(0, Number(position)).split('\n')
    return ` at line ${lines.length}, column ${lines.at(-1)!.length + 1}`
  }
  const token = /Unexpected token '(.)'/u.exec(message)?.[1]
  if (token !== undefined) return `: unexpected ${JSON.stringify(token)}`
  return /Unexpected end/.test(message) ? ': it ends too early' : ''
}
