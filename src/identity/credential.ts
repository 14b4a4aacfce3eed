import type { IncomingHttpHeaders } from 'node:http'

/** The credential in `api-key` or `Authorization: Bearer`; the former wins. `undefined` where there is none. */
export function credentialOf(headers: IncomingHttpHeaders): string | undefined {
  const apiKey = headers['api-key']
  if (typeof apiKey === 'string' && apiKey !== '') return apiKey
  return /^Bearer +([!-~]+) *$/i.exec(headers.authorization ?? '')?.[1]
}
