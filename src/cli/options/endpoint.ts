import { ENDPOINT } from '../../server/endpoint.js'

/**
 * The address to dial: `http` counts as `ws`, and the path of the gateway endpoint is added where there is none.
 * `undefined` if the text is no such address.
 */
export function endpointOf(text: string): URL | undefined {
  const dialled = text.replace(/^http(?=s?:)/i, 'ws')
  if (!URL.canParse(dialled)) return undefined
  const url = new URL(dialled)
  if (!/^wss?:$/.test(url.protocol) || url.hash !== '') return undefined
  if (url.pathname === '/') url.pathname = ENDPOINT
  return url
}
