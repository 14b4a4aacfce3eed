import { checkLimit } from '../core/limits.js'
import { retryAfterMs } from '../core/retry-after.js'
import type { Optional } from '../core/with-defaults.js'
import { countedAs } from '../net/counted-address.js'
import type { Identity } from './identify.js'
import { RateMeter } from './rate-meter.js'
import type { Refusal } from './refuse.js'

/** Upgrade attempts a minute, admitted or not: whole numbers, or `Infinity` for as many as come, as where absent. */
export interface RateOptions {
  /** Of one IPv4 address, or of one /64 of IPv6. Counted before anybody is asked who that is. */
  readonly perAddress: number
  /** Of one key, as `identify` names it by `keyId`, or of one gateway where it does not. */
  readonly perKey: number
  /** Of all that the addresses' own limit lets through. */
  readonly perNode: number
}

/** Refuses who tries too often. Each node counts for itself: this guards the node, not an org's limit. */
export class Rates {
  readonly #address: RateMeter | undefined
  readonly #key: RateMeter | undefined
  readonly #node: RateMeter | undefined
  readonly #random: () => number

  constructor({ perAddress, perKey, perNode }: Optional<RateOptions>, random: () => number) {
    this.#address = meterOf(perAddress)
    this.#key = meterOf(perKey)
    this.#node = meterOf(perNode)
    this.#random = random
  }

  /**
   * Counts an attempt of somebody unknown. What an address has too many of does not count for the node, so that one
   * address alone cannot close it to all others. `undefined` at once where nobody is counted.
   */
  ofAttempt(address: string | undefined): Promise<Refusal | undefined> | undefined {
    return this.#address || this.#node ? this.#countAttempt(address) : undefined
  }

  ofKey(identity: Identity): Promise<Refusal | undefined> | undefined {
    return this.#key && this.#countKey(this.#key, identity)
  }

  stop(): void {
    for (const meter of [this.#address, this.#key, this.#node]) meter?.stop()
  }

  async #countAttempt(address: string | undefined): Promise<Refusal | undefined> {
    const addressMs = address === undefined ? undefined : await this.#address?.count(countedAs(address))
    if (addressMs !== undefined) return this.#tooMany('this address', addressMs)
    const nodeMs = await this.#node?.count('')
    if (nodeMs === undefined) return undefined
    // No fault of this client: another node may have room.
    return { ...this.#tooMany('all clients of this node', nodeMs), code: 'NODE_CAPACITY_EXCEEDED' }
  }

  async #countKey(meter: RateMeter, { keyId, org, gateway }: Identity): Promise<Refusal | undefined> {
    const keyMs = await meter.count(keyId ?? JSON.stringify([org, gateway]))
    return keyMs === undefined ? undefined : this.#tooMany('this key', keyMs)
  }

  #tooMany(whose: string, freeInMs: number): Refusal {
    const detail = `too many connection attempts of ${whose} within a minute`
    return { code: 'CONNECTION_RATE_LIMIT_EXCEEDED', detail, retryAfterMs: retryAfterMs(freeInMs, this.#random) }
  }
}

function meterOf(most = Number.POSITIVE_INFINITY): RateMeter | undefined {
  checkLimit(most)
  return most === Number.POSITIVE_INFINITY ? undefined : new RateMeter({ most })
}
