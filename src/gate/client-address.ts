import type { IncomingMessage } from 'node:http'
import { isIP, isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'
import { LRUCache } from 'lru-cache'
import { UsageError } from '../core/errors.js'
import { type Address, parseAddress } from '../net/counted-address.js'

type Network = readonly [address: Address, prefixBits: number]

/** Nobody has more proxies of his own in a row; a header of thousands must not cost thousands of looks. */
const MAX_HOPS = 32

/**
 * The networks of a comma-separated list of CIDRs or addresses. Throws `INVALID_TRUSTED_PROXIES` with the first fault.
 */
export function networksOf(list: string): readonly Network[] {
  return list
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map(networkOf)
}

/** So many headers Node keeps of a request, unless its server says otherwise. */
const MOST_HEADERS = 1_000

/** How a server that listens for IPv6 too sees IPv4. */
const MAPPED = '::ffff:'
const MAPPED_BITS = 96
/** So many addresses are remembered as they were read: a proxy or a client comes more than once. */
const MAX_REMEMBERED = 4_096
/** Characters of the longest spelling without a zone: IPv4 within IPv6. */
const LONGEST = 45

/** An address in one spelling, and whether it is one of our proxies'. */
interface Seen {
  readonly text: string
  readonly isTrusted: boolean
}

/**
 * Finds out whose address an upgrade comes from, in one spelling. Only a trusted proxy is believed what it says of the
 * one before it: X-Forwarded-For is read from its right end, where our own proxies write, up to the first address that
 * is not trusted. What stands left of that anybody may have made up.
 */
export function clientAddress(trusted: readonly Network[]): (request: IncomingMessage) => string | undefined {
  const remembered = new LRUCache<string, Seen>({ max: MAX_REMEMBERED })
  const see = (spelled: string): Seen | undefined => {
    const known = remembered.get(spelled)
    if (known) return known
    const address = parseAddress(spelled)
    if (!address) return undefined
    const seen = { text: address.toString(), isTrusted: isIn(trusted, address) }
    // A piece of a header keeps the whole header alive, so what is kept is a copy, and no zone of any length.
    if (spelled.length <= LONGEST) remembered.set(Buffer.from(spelled, 'latin1').toString('latin1'), seen)
    return seen
  }
  return (request) => {
    const { socket, headers } = request
    const peer = socket?.remoteAddress ?? ''
    if (trusted.length === 0) {
      // The kernel has one spelling for these: nothing is gained by reading it and writing it anew.
      const bare = peer.startsWith(MAPPED) ? peer.slice(MAPPED.length) : peer
      if (isIPv4(bare)) return bare
    }
    let client = see(peer)
    if (!client?.isTrusted || areHeadersCut(request)) return client?.text
    for (const hop of hopsOf(headers['x-forwarded-for'])) {
      const before = see(hop)
      // A proxy of ours that does not know the one before it is as far as we can see.
      if (!before) break
      client = before
      if (!client.isTrusted) break
    }
    return client.text
  }
}

/**
 * Whether Node may have left out the last of them, and so what our proxy wrote behind what the client sent. Only servers
 * of embedding programs do that.
 */
function areHeadersCut({ socket, rawHeaders = [] }: IncomingMessage): boolean {
  const { server } = socket as { server?: { maxHeadersCount?: number | null } }
  const most = server?.maxHeadersCount ?? MOST_HEADERS
  return most > 0 && rawHeaders.length >= 2 * most
}

function networkOf(entry: string): Network {
  const [address, bits, ...rest] = entry.split('/')
  const base = isIP(address!) ? ipaddr.parse(address!) : undefined
  const mostBits = base?.kind() === 'ipv4' ? 32 : 128
  const prefixBits = bits === undefined ? mostBits : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN
  if (base && rest.length === 0 && prefixBits <= mostBits) {
    if (!(base instanceof ipaddr.IPv6) || !base.isIPv4MappedAddress()) return [base, prefixBits]
    // Addresses are compared as the IPv4 that they are.
    if (prefixBits >= MAPPED_BITS) return [base.toIPv4Address(), prefixBits - MAPPED_BITS]
  }
  throw new UsageError('INVALID_TRUSTED_PROXIES', `${JSON.stringify(entry)} is neither an address nor a CIDR`)
}

function isIn(networks: readonly Network[], address: Address): boolean {
  return networks.some(([base, bits]) => base.kind() === address.kind() && address.match([base, bits]))
}

/** From the nearest to the farthest. Some proxies write the port as well: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function hopsOf(header: string | string[] | undefined): string[] {
  const hops = String(header ?? '').split(',')
  return hops
    .slice(-MAX_HOPS)
    .reverse()
    .map((hop) => hop.trim())
    .map((hop) => /^\[(.+)\](?::\d+)?$/.exec(hop)?.[1] ?? /^([\d.]+):\d+$/.exec(hop)?.[1] ?? hop)
}
