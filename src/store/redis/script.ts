import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import { SCRIPT } from './script.generated.js'

/** The one script with all verbs, and how to run it. */
export class RedisScript {
  readonly #text: string
  readonly #sha: string

  constructor(text: string = SCRIPT) {
    this.#text = text
    this.#sha = createHash('sha1').update(text).digest('hex')
  }

  /**
   * EVALSHA, and EVAL where the store does not know the script. All verbs share one SHA, so a flushed script cache hits
   * them alike. It does not order them by itself: if somebody else loads the script between the two, a call that was
   * sent later may run first. That is why a node never has an acquire and a release of one id in flight together. A
   * reassertion holds releases back where it tells of all that is open; the audit's does not, and releases again what
   * closed meanwhile.
   */
  async run(redis: Redis, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    try {
      // One list: a call of 64 has hundreds of arguments, and each function they are handed on through would copy them.
      return await redis.call('evalsha', [this.#sha, keys.length, ...keys, ...args])
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return await redis.call('eval', [this.#text, keys.length, ...keys, ...args])
    }
  }

  /** Whether the store has it in its cache: it has if nodes run this version and nobody has flushed it just now. */
  async isLoaded(redis: Redis): Promise<boolean> {
    const [loaded] = (await redis.script('EXISTS', this.#sha)) as number[]
    return loaded === 1
  }
}
