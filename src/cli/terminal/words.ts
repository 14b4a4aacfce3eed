import type { Org, SetLimit } from '../cluster/source.js'

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const

/** `4 s`, `12 min`, `3 h`, `2 d`: as exact as a person needs it. Never negative. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms / 1_000)
  const [unit, length] = UNITS.find(([, each]) => seconds >= 2 * each) ?? UNITS[3]
  return `${seconds < 10 ? Math.round(seconds * 10) / 10 : Math.floor(seconds / length)} ${unit}`
}

/** The limit of an org in a table: a number, `unlimited`, or `?` where only the nodes know it. */
export function limitWord(limit: Org['maxAllowed']): string {
  return limit === null ? '?' : String(limit)
}

/** Who has set something, when, why and until when: what there is of it, each with a space before it. */
export function termsOf(set: SetLimit, nowMs: number): string {
  const { by, setAt, note, expiresAt } = set
  const age = setAt === undefined ? '' : `, set ${duration(nowMs - Date.parse(setAt))} ago`
  const end =
    expiresAt === undefined ? ', until it is cleared' : `, for ${duration(Date.parse(expiresAt) - nowMs)} more`
  return `${age}${by ? ` by ${by}` : ''}${end}${note ? `: ${note}` : ''}`
}
