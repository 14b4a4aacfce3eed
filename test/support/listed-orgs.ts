import type { StoreInspector } from '../../src/store/lease-store.js'

/** All pages of the store's list, each org once. */
export async function listedOrgs(inspector: Pick<StoreInspector, 'listOrgs'>): Promise<Set<string>> {
  const found = new Set<string>()
  let cursor = '0'
  do {
    const page = await inspector.listOrgs(cursor)
    for (const org of page.orgs) found.add(org)
    cursor = page.cursor
  } while (cursor !== '0')
  return found
}
