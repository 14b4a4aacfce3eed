import { UsageError } from './errors.js'
import { checkLimit } from './limits.js'
import { nearest } from './nearest.js'
import { kindShown, shown } from './shown.js'

const WORDS = {
  string: 'text',
  number: 'a number',
  boolean: 'true or false',
  function: 'a function',
  object: 'an object',
} as const

/** What an option takes: something of which `typeof` says so, a limit, or what whoever reads it checks (`any`). */
export type Kind = keyof typeof WORDS | 'limit' | 'any'

export interface Given {
  /** What each option takes, by its name. */
  readonly kinds: Readonly<Record<string, Kind>>
  /** The option that holds these, for messages: `limits`; none where they are the outermost. */
  readonly within?: string
  /** The full names of options that stand elsewhere, to be found by who wrote one in the wrong place. */
  readonly elsewhere?: readonly string[]
  /** Of the error; `INVALID_SETTINGS` where absent. */
  readonly code?: string
  /** The document that has them all; docs/library.md where absent. */
  readonly listedIn?: string
}

/**
 * Holds options of a program without types against what there is: a slip in a name would otherwise leave the default in
 * force unnoticed. Throws `code` for an option that is none, with the one that was meant, and for one of the wrong kind;
 * `INVALID_LIMIT` for a limit that is none. `undefined` counts as absent.
 */
export function checkGiven(given: unknown, checks: Given): void {
  const { kinds, within, elsewhere = [], code = 'INVALID_SETTINGS', listedIn = 'docs/library.md' } = checks
  const prefix = within === undefined ? '' : `${within}.`
  // What stands in the place of all options may be the address of a Redis, with its password.
  if (!isObject(given)) {
    throw new UsageError(code, `${within ?? 'the argument'} is an object of options, not ${kindShown(given)}`)
  }
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue
    const full = prefix + name
    const kind = Object.hasOwn(kinds, name) ? kinds[name]! : undefined
    if (kind === undefined) {
      const guess = meant(name, [...Object.keys(kinds).map((known) => prefix + known), ...elsewhere])
      const hint = guess === undefined ? `; ${listedIn} lists them` : `; did you mean ${guess}?`
      throw new UsageError(code, `${full} is not an option${hint}`)
    }
    if (kind === 'any') continue
    if (kind === 'limit') checkLimit(value, full)
    else if (kind === 'object' ? !isObject(value) : typeof value !== kind)
      throw wrong(code, full, WORDS[kind] + example(full, elsewhere), value)
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function example(name: string, inner: readonly string[]): string {
  const first = inner.find((each) => each.startsWith(`${name}.`))
  return first === undefined ? '' : `, such as { ${first.slice(name.length + 1)}: … }`
}

function wrong(code: string, name: string, accepted: string, value: unknown): UsageError {
  return new UsageError(code, `${name} is ${accepted}, not ${shown(value)}`)
}

/** Who left something out in front is meant before who slipped, and an option that holds others by the first of them. */
function meant(name: string, candidates: readonly string[]): string | undefined {
  const last = (full: string) => full.slice(full.lastIndexOf('.') + 1)
  const lower = name.toLowerCase()
  const names = candidates.map(last)
  const ends = names.find((known) => known.toLowerCase().endsWith(lower) && lower.length >= 3)
  const found = ends ?? nearest(name, names)
  const full = candidates.find((candidate) => last(candidate) === found)
  return candidates.find((candidate) => candidate.startsWith(`${full}.`)) ?? full
}
