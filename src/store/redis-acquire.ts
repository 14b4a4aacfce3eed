import type { Claim } from './lease-store.js'
import { claimArgs } from './redis-codec.js'
import type { Wiring } from './redis-wiring.js'

/** What acquire answers, asked in short, when it needs the rest of its keys to decide. It has changed nothing then. */
const WHOLE = 'whole'

/**
 * Asks acquire in short, with the keys that the usual answer needs, once a renewal has said that all is as usual; and
 * again in whole where acquire wants the other keys after all. From then on it is asked in whole, until a renewal says once
 * more that all is as usual: two calls share the deadline of one, and on a slow way to the store may not both fit into it.
 */
export class AcquireCalls {
  readonly #wiring: Pick<Wiring, 'redis' | 'script' | 'keys'>
  #inShort = false

  constructor(wiring: Pick<Wiring, 'redis' | 'script' | 'keys'>) {
    this.#wiring = wiring
  }

  renewed(isAllUsual: boolean): void {
    this.#inShort = isAllUsual
  }

  /** The script's reply, never `whole`. With `again` any of the claims may have been asked before. */
  async run(
    fence: readonly [lease: number, token: string],
    claims: readonly Claim[],
    again: boolean,
  ): Promise<unknown> {
    if (!again && this.#inShort) {
      const reply = await this.#ask(fence, claims)
      if (!Array.isArray(reply) || reply[0] !== WHOLE) return reply
      this.#inShort = false
    }
    return this.#ask(fence, claims, again ? 'again' : WHOLE)
  }

  #ask([lease, token]: readonly [number, string], claims: readonly Claim[], how?: string): Promise<unknown> {
    const { redis, script, keys } = this.#wiring
    const asked = [keys.admission, keys.conns(lease)]
    for (const { scopes } of claims) for (const scope of scopes) asked.push(keys.scope(scope))
    const args = ['acquire', lease, token, ...claimArgs(claims)]
    if (how) {
      asked.push(keys.meta, keys.dead, keys.late)
      args.push(how)
    }
    return script.run(redis, asked, args)
  }
}
