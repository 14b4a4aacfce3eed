/** What a server answered, which need not be a node: whoever has the port, or what is broken, may say anything. */
export interface Body {
  /** Of what was read. */
  readonly bytes: number
  /** `undefined` where there is more than was to be read. */
  readonly text: string | undefined
}

/** Reads a body as far as it may reach, as it is when it has been unpacked. */
export async function bodyOf({ body }: Response, mostBytes: number): Promise<Body> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  // Left early, the connection ends.
  for await (const chunk of body ?? []) {
    bytes += chunk.length
    if (bytes > mostBytes) return { bytes, text: undefined }
    text += decoder.decode(chunk, { stream: true })
  }
  return { bytes, text: text + decoder.decode() }
}

/** The answer in a text, if it has what no answer to the question lacks: an object, and its lists are such of objects. */
export function answerIn<T>(text: string, has: keyof T & string): T | undefined {
  const answer = parsed(text)
  if (!isObject(answer)) return undefined
  const value = answer[has]
  const isSound = LISTS.includes(has)
    ? Array.isArray(value) && value.every(isObject)
    : (value ?? undefined) !== undefined
  return isSound ? (answer as T) : undefined
}

/** The words of a refusal, as far as they are any. */
export function refusalIn(text: string): { readonly code?: string; readonly title?: string; readonly detail?: string } {
  const answer = parsed(text)
  const words = isObject(answer) ? answer : {}
  return Object.fromEntries(
    ['code', 'title', 'detail'].flatMap((name) => (typeof words[name] === 'string' ? [[name, words[name]]] : [])),
  )
}

const LISTS = ['orgs', 'nodes', 'refusals', 'connections']

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
