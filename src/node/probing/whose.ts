import type { ScopeRef } from '../../store/lease-store.js'

/** Whom a scope belongs to, as far as its name tells: its org; itself where it has none, or several. */
export function whose({ name, id }: ScopeRef): string {
  return name === 'org' ? encodeURIComponent(id) : id.split('/', 1)[0]!
}
