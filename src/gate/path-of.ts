/** The target of a request in absolute form, as servers must take it too (RFC 9112, 3.2.2): the path is what follows the host. */
const ABSOLUTE = /^https?:\/\/[^/?]+/i

/** The path that is asked for, without the query. */
export function pathOf({ url = '/' }: { readonly url?: string | undefined }): string {
  const target = url.startsWith('/') ? url : url.replace(ABSOLUTE, '')
  const query = target.indexOf('?')
  return (query < 0 ? target : target.slice(0, query)) || '/'
}
