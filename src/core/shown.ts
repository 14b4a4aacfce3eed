/** A value in a message, as a program would write it: a text in quotes, so that '3' is not taken for 3. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
