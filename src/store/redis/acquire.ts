import type { Claim } from '../lease-store.js'
import type { Caller } from './call.js'
import { claimArgs } from './codec.js'
import { scopeKeys } from './keys.js'
import type { Wiring } from './wiring.js'

/** What acquire answers, asked in short, when it needs the rest of its keys to decide. It has changed nothing then. */
const WHOLE = 'whole'

/**
 * Asks acquire in short, with the keys that the usual answer needs, once all is as usual: a renewal has said so, and an
 * acquire in whole was answered since, which takes the mark of a recovery that is over off the fence. Where acquire
 * wants the other keys after all, it is asked again in whole, and so from then on until all is as usual once more: two
 * calls share the deadline of one, and on a slow way to the store may not both fit into it.
 */
export class AcquireCalls {
  readonly #wiring: Pick<Wiring, 'redis' | 'script' | 'keys'>
  #isUsual = false
  #inShort = false

  constructor(wiring: Pick<Wiring, 'redis' | 'script' | 'keys'>) {
    this.#wiring = wiring
  }

  /** To be told at every renewal: whether no lease is in doubt, and nothing recovers. */
  renewed(isAllUsual: boolean): void {
    this.#isUsual = isAllUsual
    this.#inShort &&= isAllUsual
  }

  /** The script's reply, never `whole`. With `again` any of the claims may have been asked before. */
  async run(caller: Caller, claims: readonly Claim[], again: boolean): Promise<unknown> {
    if (!again && this.#inShort) {
      const reply = await this.#ask(caller, claims)
      if (!isList(reply, WHOLE)) return reply
      this.renewed(false)
    }
    const reply = await this.#ask(caller, claims, again ? 'again' : WHOLE)
    this.#inShort = this.#isUsual && (typeof reply === 'number' || isList(reply, 'ok'))
    return reply
  }

  #ask([lease, token]: Caller, claims: readonly Claim[], how?: string): Promise<unknown> {
    const { redis, script, keys } = this.#wiring
    const asked = [keys.admission, keys.conns(lease), ...scopeKeys(keys, claims)]
    const args = ['acquire', lease, token, ...claimArgs(claims)]
    if (how) {
      asked.push(keys.meta, keys.dead, keys.late)
      args.push(how)
    }
    return script.run(redis, asked, args)
  }
}

function isList(reply: unknown, word: string): boolean {
  return Array.isArray(reply) && reply[0] === word
}
