/** A lease and a counter, in base 36, as `ConnectionIds` makes them. */
const CONNECTION_ID = /^[0-9a-z]{1,10}-[0-9a-z]{1,11}$/

/** What does not look so was never given to anybody. */
export function isConnectionId(text: string): boolean {
  return CONNECTION_ID.test(text)
}
