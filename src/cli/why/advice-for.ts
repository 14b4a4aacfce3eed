import { safe } from '../terminal/safe-text.js'

/**
 * Advice with the id of the org in place of `ORG`, as one word of a shell: what is shown as a command is pasted into
 * one. An id that cannot be shown as it is stays `ORG`, since the command would be about another org.
 */
export function adviceFor(orgId: string, todo: string): string {
  if (safe(orgId) !== orgId) return todo
  // A function, because `$&` in a replacement means what was found, and an id may have that in it.
  return todo.replaceAll('ORG', () => shellWord(orgId))
}

/** An apostrophe stands in quotes of its own: a backslash would be shown doubled. */
function shellWord(text: string): string {
  return /^[\w.@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`
}
