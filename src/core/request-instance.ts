const FORM = 'urn:uuid:'

/** How a client is told the id of its refused request: the `instance` of a problem detail is a URI (RFC 9457). */
export function instanceOf(requestId: string): string {
  return `${FORM}${requestId}`
}

/** The id of that request, also where it is given as the id itself. */
export function requestIdOf(instance: string): string {
  return instance.startsWith(FORM) ? instance.slice(FORM.length) : instance
}
