import { digestOf } from '../../identity/digest.js'
import { keyIdOf } from '../../identity/key-ring.js'

/** One key as it stands in the key file. */
export interface KeyRow {
  readonly id?: string
  readonly key?: string
  readonly sha256?: string
  readonly orgId: string
  readonly gatewayId: string
  readonly tier?: string
  readonly priority?: boolean
  readonly disabled?: boolean
}

/** The rows after a change, or why there is none, and what to do. */
export type RowsChange =
  | { readonly ok: true; readonly rows: readonly KeyRow[] }
  | { readonly ok: false; readonly message: string; readonly advice: string }

/** What a key is called here, in logs and in answers. */
export function nameOf({ id, key, sha256 }: KeyRow): string {
  return keyIdOf({ ...(id !== undefined && { id }), sha256: sha256 ? Buffer.from(sha256, 'hex') : digestOf(key ?? '') })
}

/**
 * Takes a key out, or leaves it in and disabled. The one who asks may have typed a key for a name: it is not repeated.
 */
export function withoutKey(rows: readonly KeyRow[], name: string, disable: boolean): RowsChange {
  const found = rows.filter((row) => nameOf(row) === name)
  if (found.length === 0) {
    return { ok: false, message: 'no key is called that', advice: '`headcount keys list` shows what keys are called' }
  }
  if (found.length > 1) {
    // An id may be spelled like the beginning of the digest of another key.
    return { ok: false, message: `${found.length} keys are called that`, advice: 'give one of them another "id" first' }
  }
  const changed = disable ? rows.map((row) => (row === found[0] ? { ...row, disabled: true } : row)) : undefined
  return { ok: true, rows: changed ?? rows.filter((row) => row !== found[0]) }
}
