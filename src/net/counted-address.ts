import { isIP, isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'

export type Address = ReturnType<typeof ipaddr.process>

/** IPv4 in IPv6 is IPv4; the zone of a link-local address means something to its own machine only. */
export function parseAddress(text: string): Address | undefined {
  const bare = text.replace(/%.*$/, '')
  return isIP(bare) === 0 ? undefined : ipaddr.process(bare)
}

/**
 * Whom an address stands for where it is counted: anybody who has IPv6 has a /64 full of addresses. What is no address
 * stands for itself.
 */
export function countedAs(text: string): string {
  // It has one spelling only.
  if (isIPv4(text)) return text
  const address = parseAddress(text)
  if (!address) return text
  if (!(address instanceof ipaddr.IPv6)) return address.toString()
  const [a, b, c, d] = address.parts
  return `${[a, b, c, d].map((part) => part!.toString(16)).join(':')}::/64`
}
