import type { Answer, AnswerName } from '../../admin/answers.js'
import { fieldsOf } from '../../core/parse-json.js'

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

/**
 * The answer in a text, if it is what the admin API describes by that name. One of another version may have more, or
 * another word than those that are named.
 */
export async function answerIn<Name extends AnswerName>(text: string, name: Name): Promise<Answer<Name> | undefined> {
  // Not before somebody asks a node: to load it takes a third of the time of all the rest.
  const [{ z }, { answers }] = await Promise.all([import('zod'), import('../../admin/schemas.js')])
  const answer = parsed(text)
  return fits(answer, z.toJSONSchema(answers[name]) as Form) ? (answer as Answer<Name>) : undefined
}

/** The words of a refusal, as far as they are any. */
export function refusalIn(text: string): { readonly code?: string; readonly title?: string; readonly detail?: string } {
  const words = fieldsOf(text)
  return Object.fromEntries(
    ['code', 'title', 'detail'].flatMap((name) => (typeof words[name] === 'string' ? [[name, words[name]]] : [])),
  )
}

/** What is used of the JSON Schema of an answer. */
interface Form {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly anyOf?: readonly Form[]
  readonly items?: Form
  readonly properties?: Readonly<Record<string, Form>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Form | boolean
}

/** What nodes of older versions do not say. */
const LATER = ['refusedLately']

/** Ends at the first thing that does not: what an impostor says may be a million things, each of them wrong. */
function fits(value: unknown, { type = [], const: only, anyOf, items, ...form }: Form): boolean {
  if (anyOf) return anyOf.some((each) => fits(value, each))
  if (only !== undefined) return value === only
  if (![type].flat().includes(typeOf(value))) return false
  if (Array.isArray(value)) return items === undefined || value.every((each) => fits(each, items))
  if (!isObject(value)) return true
  const { properties = {}, required = [], additionalProperties: others } = form
  if (!required.every((name) => Object.hasOwn(value, name) || LATER.includes(name))) return false
  return Object.entries(value).every(([name, each]) => {
    const expected = Object.hasOwn(properties, name) ? properties[name] : others
    return typeof expected !== 'object' || fits(each, expected)
  })
}

/** In the words of JSON Schema. JSON has no infinity, but numbers that are read as one. */
function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY ? 'infinity' : typeof value
}

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
