/**
 * The address of an admin listener, as an option has it; `undefined` where the text is none. With an "@" anywhere it
 * holds a password, perhaps one with a stray "/" in it, and then what looks like the host is none.
 */
export function adminUrlOf(text: string): URL | undefined {
  return /^https?:[^@?#]*$/i.test(text) && URL.canParse(text) ? new URL(text) : undefined
}

export const ADMIN_URL_EXAMPLE = 'http://127.0.0.1:8081, without credentials'
