import { createHash } from 'node:crypto'

/** The digest under which a key is kept and looked up. */
export function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
