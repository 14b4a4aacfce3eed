import { InvalidArgumentError } from 'commander'

/** The address of an admin listener, as an option has it. */
export function parseAdminUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && /^https?:$/.test(url.protocol) && url.username === '' && url.search === '') return url
  throw new InvalidArgumentError('It must look like http://127.0.0.1:8081, without credentials.')
}
