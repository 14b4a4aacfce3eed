const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const

/**
 * Milliseconds of a text such as `250ms`, `15s`, `1.5m` or `1h`, rounded to a whole one; `undefined` for anything else.
 * A number without a unit is refused, because nobody can tell whether 30 means seconds or milliseconds; `bareUnit`
 * allows it where history has decided.
 */
export function parseDurationMs(text: string, bareUnit?: keyof typeof UNIT_MS): number | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h)?$/.exec(text.trim())
  const unit = (match?.[2] as keyof typeof UNIT_MS | undefined) ?? bareUnit
  return match === null || unit === undefined ? undefined : Math.round(Number(match[1]) * UNIT_MS[unit])
}

/** The shortest text that `parseDurationMs` reads as `ms`. */
export function formatDuration(ms: number): string {
  for (const unit of ['h', 'm', 's'] as const)
    if (ms > 0 && ms % UNIT_MS[unit] === 0) return `${ms / UNIT_MS[unit]}${unit}`
  return `${ms}ms`
}
