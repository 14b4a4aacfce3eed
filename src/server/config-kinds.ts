import { parseDurationMs } from '../core/durations.js'
import { ON_LEASE_LOST, ON_LIMIT_LOWERED, ON_STORE_DOWN } from '../core/policies.js'
import type { Reserve } from '../core/reserve.js'
import { parseTiers } from '../core/tiers.js'
import { networksOf } from '../gate/client-address.js'
import { REJECTS } from '../gate/reject.js'
import { webhookSecrets } from '../outbound/webhook-signature.js'
import { KEY_PREFIX, KEY_PREFIX_ACCEPTED } from '../store/redis/key-prefix.js'
import { parseRedisUrl, REDIS_URL_ACCEPTED } from '../store/redis/url.js'

/** How the text of a setting becomes a value: the value, or what would have been accepted. */
export interface Kind<T> {
  /** Completes the sentence "it takes …". */
  readonly accepts: string
  parse(text: string): { readonly value: T } | { readonly wanted: string; readonly problem?: string }
  /** The text as it may be shown in an error, where the text itself may hold a secret. */
  readonly show?: (text: string) => string
  /** Of such a text what is no secret, for whoever looks at settings that are right; `undefined` where nothing is sure. */
  readonly outline?: (text: string) => string | undefined
}

function kind<T>(accepts: string, read: (text: string) => T | undefined): Kind<T> {
  return {
    accepts,
    parse(text) {
      const value = read(text)
      return value === undefined ? { wanted: accepts } : { value }
    },
  }
}

function integer(least: number, most: number, accepts: string): Kind<number> {
  return kind(accepts, (text) => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
    return value >= least && value <= most ? value : undefined
  })
}

const countOrUnlimited: Kind<number> = kind('a whole number from 1 to 1000000000, or "unlimited"', (text) => {
  if (text === 'unlimited') return Number.POSITIVE_INFINITY
  return /^[1-9]\d{0,9}$/.test(text) && Number(text) <= 1_000_000_000 ? Number(text) : undefined
})

const reserve: Kind<Reserve> = kind('a whole number from 0 to 1000000000, or a share from 0% to 100%', (text) => {
  const [, digits, share] = /^(\d{1,10})(%?)$/.exec(text) ?? []
  const value = Number(digits)
  if (share === '%') return value <= 100 ? { percent: value } : undefined
  return value <= 1_000_000_000 ? { slots: value } : undefined
})

const DAY_MS = 24 * 3_600_000

function duration(leastMs: number, accepts: string, mostMs = DAY_MS, bareUnit?: 's'): Kind<number> {
  return kind(accepts, (text) => {
    const ms = parseDurationMs(text, bareUnit)
    return ms !== undefined && ms >= leastMs && ms <= mostMs ? ms : undefined
  })
}

function pattern(regexp: RegExp, accepts: string): Kind<string> {
  return kind(accepts, (text) => (regexp.test(text) ? text : undefined))
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/**
 * An address as far as it is nothing but hosts, ports and words of a path. A password with a stray "/" or "#" in it lands
 * anywhere in the parsed address, and other libraries have other forms (`host:6380,password=…`): of what is not so plain
 * no part is safe to show.
 */
const PLAIN_ADDRESS = (() => {
  const host = String.raw`(?:(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?)?`
  return new RegExp(String.raw`^(?:[a-z+]+://|(?=[\w.-]+:))${host}(?:,${host})*(?:/[\w.-]*)*$`, 'i')
})()

/** What stands where a port is may be a password of digits, if its "@" and what follows has got lost. */
const PORT = /(?<=[\w.\]-]):\d+(?=[,/]|$)/g

const redisUrl: Kind<string> = {
  accepts: REDIS_URL_ACCEPTED,
  parse(text) {
    const read = parseRedisUrl(text)
    return 'problem' in read ? { wanted: this.accepts, problem: read.problem } : { value: text }
  },
  show(text) {
    const isPlain = PLAIN_ADDRESS.test(text)
    return isPlain ? JSON.stringify(text.replace(PORT, ':…')) : 'not shown, because it may hold a password'
  },
  // There it is a port, and nodes say where they look for Redis.
  outline: (text) => (PLAIN_ADDRESS.test(text) && !('problem' in parseRedisUrl(text)) ? text : undefined),
}

const httpUrl: Kind<string> = {
  ...kind('an address such as https://platform.example/keys', (text) => {
    return isHttpUrl(text) && new URL(text).hash === '' ? text : undefined
  }),
  show(text) {
    const outline = originOf(text)
    return outline === undefined ? 'not shown, because it may hold a secret' : JSON.stringify(outline)
  },
  outline: originOf,
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text)
}

/** The path of a webhook is often its secret, and a query may be one. With an "@" the password may stand anywhere. */
function originOf(text: string): string | undefined {
  if (!isHttpUrl(text) || text.includes('@')) return undefined
  const { origin, href } = new URL(text)
  return href === `${origin}/` ? origin : `${origin}/…`
}

function choice<T extends string>(...words: readonly T[]): Kind<T> {
  return kind(`one of ${words.join(', ')}`, (text) => words.find((word) => word === text))
}

function areNetworks(text: string): boolean {
  try {
    return networksOf(text).length > 0
  } catch {
    return false
  }
}

export const kinds = {
  port: integer(0, 65_535, 'a port number from 0 to 65535, where 0 means any free one'),
  count: integer(0, 1_000_000_000, 'a whole number from 0 to 1000000000'),
  countFromOne: integer(1, 1_000_000_000, 'a whole number from 1 to 1000000000'),
  countOrUnlimited,
  reserve,
  onOff: kind('on or off', (text) => (text === 'on' ? true : text === 'off' ? false : undefined)),
  percent: kind('a percentage from 1% to 100%', (text) => {
    const percent = Number(/^([1-9]\d{0,2})%$/.exec(text)?.[1])
    return percent <= 100 ? percent : undefined
  }),
  networks: kind('addresses or CIDRs separated by commas, such as 10.0.0.0/8,fd00::/8', (text) =>
    areNetworks(text) ? text : undefined,
  ),
  host: pattern(/^[0-9A-Za-z.:_%-]{1,253}$/, 'an address or a host name, without scheme and port'),
  path: pattern(/^[^\0]+$/, 'the path of a file'),
  // It travels in a header, which takes nothing else, and is never shown.
  token: { ...pattern(/^[!-~]{1,512}$/, '1 to 512 visible ASCII characters'), show: () => 'set to something else' },
  secret: { ...pattern(/^[!-~]{16,512}$/, '16 to 512 visible ASCII characters'), show: () => 'set to something else' },
  duration: duration(1, 'a duration with its unit, such as 250ms, 15s, 2m or 1h, up to 24h'),
  durationOrZero: duration(0, 'a duration with its unit, such as 0s, 250ms, 15s or 2m, up to 24h'),
  briefDuration: duration(1, 'a duration with its unit from 1ms to 2s, such as 500ms', 2_000),
  probeTimeout: duration(0, 'a duration with its unit from 0s to 2s, such as 500ms', 2_000),
  recheck: duration(1_000, 'a duration with its unit from 1s to 24h, such as 15s'),
  skew: duration(0, 'a duration with its unit from 0s to 10m, such as 30s', 600_000),
  durationOrSeconds: duration(
    100,
    'a duration such as 30s or 2m, or a bare number of seconds, from 100ms to 24h',
    DAY_MS,
    's',
  ),
  name: pattern(/^[!-~]{1,128}$/, '1 to 128 visible ASCII characters'),
  // It is compared with what others send: a blank that nobody sees would turn all of them away for good.
  text: pattern(
    /^(?!\s)\P{Cc}{1,512}(?<!\s)$/u,
    '1 to 512 characters, none of them a control character, without a blank at either end',
  ),
  keyPrefix: pattern(KEY_PREFIX, KEY_PREFIX_ACCEPTED),
  redisUrl,
  httpUrl,
  // A secret, so it is never shown.
  webhookSecrets: {
    ...kind('whsec_ and base64 of 24 to 64 bytes, or several of these separated by commas', webhookSecrets),
    show: () => 'set to something else',
  },
  queue: integer(1, 1_000_000, 'a whole number from 1 to 1000000'),
  logLevel: choice(...LEVELS),
  onStoreDown: choice(...ON_STORE_DOWN),
  reject: choice(...REJECTS),
  atExpiry: choice('keep', 'close'),
  authCallbackSends: choice('digest', 'credential'),
  onLeaseLost: choice(...ON_LEASE_LOST),
  tiers: kind('tiers with their limits, such as free=3,paid=10,big=unlimited, at most 100 and each once', parseTiers),
  onLimitLowered: choice(...ON_LIMIT_LOWERED),
  durationOrUnlimited: kind('a duration with its unit, such as 30s or 10m, up to 24h, or "unlimited"', (text) => {
    if (text === 'unlimited') return Number.POSITIVE_INFINITY
    const ms = parseDurationMs(text)
    return ms !== undefined && ms <= DAY_MS ? ms : undefined
  }),
} as const
