import { z } from 'zod'
import { nearest } from '../core/nearest.js'
import { idProblem } from '../core/org-id.js'
import { parseJson } from '../core/parse-json.js'
import { digestOf } from './digest.js'
import { atOnce, type InPieces } from './in-pieces.js'

/** One API key as the server keeps it: the key itself is forgotten as soon as it is read. */
export interface KeyEntry {
  /** What people call the key; the beginning of its digest where absent. */
  readonly id?: string
  readonly sha256: Buffer
  readonly org: string
  readonly gateway: string
  readonly disabled: boolean
  /** The limit of its org by name; the default limit where absent. */
  readonly tier?: string
  /** May use what is reserved of its org's limit. */
  readonly priority?: boolean
}

export type ParsedKeys =
  | { readonly ok: true; readonly entries: readonly KeyEntry[] }
  /** One text a fault, each with its place in the file and never with a key. */
  | { readonly ok: false; readonly problems: readonly string[] }

const name = z.string('must be a text').superRefine((text, context) => {
  const message = idProblem(text)
  if (message) context.addIssue({ code: 'custom', message })
})

const keysFile = objectOf({ keys: z.array(z.unknown(), 'must be a list') })

const keyRow = objectOf({
  // Anything else does not pass unchanged through an HTTP header.
  key: z
    .string('must be a text')
    .regex(/^[!-~]{1,512}$/, 'must be 1 to 512 visible ASCII characters')
    .optional(),
  sha256: z
    .string('must be a text')
    .regex(/^[0-9a-f]{64}$/i, 'must be 64 hexadecimal digits')
    .optional(),
  id: z
    .string('must be a text')
    .regex(/^[A-Za-z0-9][\w.-]{0,63}$/, 'must be 1 to 64 letters, digits, ".", "-" or "_", the first a letter or digit')
    .optional(),
  orgId: name,
  gatewayId: name,
  tier: z.string('must be a text').min(1, 'must not be empty').max(64, 'is too long').optional(),
  priority: z.boolean('must be true or false').optional(),
  disabled: z.boolean('must be true or false').optional(),
})

function objectOf<Shape extends z.ZodRawShape>(shape: Shape) {
  const error = (issue: { code?: string; keys?: readonly string[] }) =>
    issue.code === 'unrecognized_keys' ? strayFields(issue.keys ?? [], Object.keys(shape)) : 'must be an object'
  return z.strictObject(shape, { error })
}

/** Names only what looks like a slip of the pen: who takes the file for a table from keys to orgs puts keys there. */
function strayFields(stray: readonly string[], known: readonly string[]): string {
  for (const field of stray) {
    const meant = nearest(field, known)
    if (meant !== undefined) return `has no field ${JSON.stringify(field)}; did you mean "${meant}"?`
  }
  return 'has a field that is none, whose name is not shown because it may be a key'
}

/** So many are told; behind them nothing is looked at. */
const MAX_PROBLEMS = 10
/** So many keys are read in one piece, in about a millisecond. */
const KEYS_IN_A_PIECE = 128

/**
 * Reads `{"keys":[{"key"|"sha256","id"?,"orgId","gatewayId","tier"?,"priority"?,…}]}` and refuses what it does not
 * know.
 */
export function parseKeyFile(bytes: Uint8Array): ParsedKeys {
  return atOnce(parseKeyFileInPieces(bytes))
}

/** The same for a server that is at work: a hundred thousand keys take it a second. */
export function* parseKeyFileInPieces(bytes: Uint8Array): InPieces<ParsedKeys> {
  const json = parseJson(bytes)
  if (!json.ok) return { ok: false, problems: [json.reason] }
  const file = keysFile.safeParse(json.value)
  if (!file.success) return { ok: false, problems: problemsIn(file.error, []) }
  const problems: string[] = []
  const firstIndex = new Map<string, number>()
  const ids = new Set<string>()
  const entries: KeyEntry[] = []
  for (const [index, given] of file.data.keys.entries()) {
    if (problems.length >= MAX_PROBLEMS) {
      // One slip of whatever writes the file may be in each of a hundred thousand keys.
      problems.push(`and ${file.data.keys.length - index} keys were not looked at`)
      break
    }
    if (index % KEYS_IN_A_PIECE === 0) yield
    const read = keyRow.safeParse(given)
    if (!read.success) problems.push(...problemsIn(read.error, ['keys', index]))
    else entries.push(entryOf(read.data, index))
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, entries }

  function entryOf(row: z.infer<typeof keyRow>, index: number): KeyEntry {
    if ((row.key === undefined) === (row.sha256 === undefined)) {
      problems.push(`keys[${index}] must have either "key" or "sha256"`)
    }
    const sha256 = row.sha256 === undefined ? digestOf(row.key ?? '') : Buffer.from(row.sha256, 'hex')
    const first = firstIndex.get(sha256.toString('hex'))
    if (first === undefined) firstIndex.set(sha256.toString('hex'), index)
    else problems.push(`keys[${index}] is the same key as keys[${first}]`)
    if (row.id !== undefined && ids.has(row.id)) problems.push(`keys[${index}] has the id of another key`)
    if (row.id !== undefined) ids.add(row.id)
    return {
      sha256,
      org: row.orgId,
      gateway: row.gatewayId,
      disabled: row.disabled ?? false,
      ...(row.id !== undefined && { id: row.id }),
      ...(row.tier !== undefined && { tier: row.tier }),
      ...(row.priority && { priority: true }),
    }
  }
}

function problemsIn({ issues }: z.ZodError, place: readonly PropertyKey[]): string[] {
  return issues.map(({ path, message }) => `${placeOf([...place, ...path])} ${message}`)
}

function placeOf(path: readonly PropertyKey[]): string {
  const place = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('')
  return place === '' ? 'the file' : place.replace(/^\./, '')
}
