/** For JSON.stringify: JSON has no infinity. */
export function unlimited(_key: string, value: unknown): unknown {
  return value === Number.POSITIVE_INFINITY ? 'unlimited' : value
}
