import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { type Clock, within } from '../core/clock.js'
import { idProblem } from '../core/org-id.js'
import type { Identity } from '../gate/identify.js'
import type { Log } from '../observe/log.js'
import type { HttpAnswer, HttpCaller } from '../outbound/http-caller.js'
import { CallbackPlaces } from './callback-places.js'

/** What a platform is told of a credential, and of the attempt by which it came where there was one. */
export interface CallbackQuestion {
  readonly credentialSha256: string
  /** Only where the platform cannot do with its digest. */
  readonly credential?: string
  readonly path?: string
  readonly address?: string | undefined
}

export type Verdict =
  | { readonly is: 'known'; readonly identity: Identity }
  | { readonly is: 'refused'; readonly code: 'UNAUTHENTICATED' | 'ORG_DISABLED' }
  /**
   * There is no answer, or none that says who it is. `away`: the platform does not answer, or answers 5xx, and would
   * not for another credential; `unclear`: it answers, and may well know another; `unasked`: it is left alone for now;
   * `busy`: it has as many questions as it may have, and so this was none of its failures.
   */
  | { readonly is: 'undecided'; readonly because: 'away' | 'unclear' | 'unasked' | 'busy' }

/** An attempt for which the platform is asked. */
export interface AskedFor {
  /** Where it comes from, as it is counted. */
  readonly from: string
  /** It is let in where there is no answer. */
  readonly isKnownLately: boolean
}

export interface CallbackClientOptions {
  /** Its deadline is how long the platform may have a question; nobody waits for the answer that long. */
  readonly caller: HttpCaller
  readonly clock: Clock
  readonly log: Log
  /** How long the answer is waited for, from when the question is sent. */
  readonly timeoutMs: number
  /** Shown to the platform as a Bearer token. */
  readonly token?: string | undefined
}

const name = z.string().refine((text) => idProblem(text) === undefined)
const whoItIs = z.object({
  org: name,
  gateway: name,
  tier: z.string().min(1).max(64).optional(),
  priority: z.boolean().optional(),
  limit: z.union([z.int().min(0), z.literal('unlimited')]).optional(),
})

/** After so many failures of the platform in a row it is left alone for a while. */
const MOST_FAILURES = 5
const REST_MS = 1_000
/** Addresses for whose attempts it has just failed; some 100 bytes each. */
const MOST_FAILED = 10_000
/** Whoever invents credentials must not fill the log with what comes of them. */
const TOLD_EVERY_MS = 60_000
const AWAY = 'the platform does not say who may connect; who was known a while ago is let in'

/**
 * Asks the platform whose credential it is, and says within 750 ms and its deadline what is known. Never rejects.
 *
 * While it fails it is left alone by whoever can do without it, and by the addresses for whose attempts it has failed.
 * Others are asked about all the same: it may fail for what strangers send and for nothing else, and then they must not
 * shut anybody else out, nor hold up the rounds in which the credentials of who is in are checked.
 */
export class CallbackClient {
  readonly #options: CallbackClientOptions
  readonly #places: CallbackPlaces
  #failures = 0
  #restsUntilMs = Number.NEGATIVE_INFINITY
  /** By address: when it last failed for an attempt from there. */
  readonly #failedAtMs = new LRUCache<string, number>({ max: MOST_FAILED })
  readonly #toldMs = {
    away: Number.NEGATIVE_INFINITY,
    unclear: Number.NEGATIVE_INFINITY,
    busy: Number.NEGATIVE_INFINITY,
  }
  #isAwayTold = false

  constructor(options: CallbackClientOptions) {
    this.#options = options
    this.#places = new CallbackPlaces(options.clock)
  }

  /** `attempt`: for which this is asked; `undefined` where a round asks. */
  async ask(question: CallbackQuestion, attempt: AskedFor | undefined): Promise<Verdict> {
    if (this.#isLeftAloneBy(attempt)) return { is: 'undecided', because: 'unasked' }
    const leave = attempt === undefined ? this.#places.ofRound() : await this.#places.ofAttempt(attempt.from)
    if (leave === undefined) {
      this.#tell('busy', {}, 'more credentials are asked about at once than the platform may be asked')
      return { is: 'undecided', because: 'busy' }
    }
    // Whoever waited may find that it has failed meanwhile.
    if (this.#isLeftAloneBy(attempt)) {
      leave()
      return { is: 'undecided', because: 'unasked' }
    }
    const asked = this.#call(question)
    // What nobody waits for any more the platform may still work on, so the place is taken until it has answered.
    void asked.then(leave)
    const answer = await this.#inTime(asked)
    const verdict = verdictOf(answer)
    this.#note(verdict, answer, attempt)
    return verdict
  }

  /** Room for one that waits for the answer to a question under way; how to leave it, or `undefined` where there is none. */
  join(from: string): (() => void) | undefined {
    return this.#places.ofJoiner(from)
  }

  stop(): void {
    this.#options.caller.close()
  }

  /** A round has a patience of its own. */
  #isLeftAloneBy(attempt: AskedFor | undefined): boolean {
    const nowMs = this.#options.clock.monotonicMs()
    if (attempt === undefined || nowMs >= this.#restsUntilMs) return false
    return attempt.isKnownLately || nowMs < (this.#failedAtMs.get(attempt.from) ?? Number.NEGATIVE_INFINITY) + REST_MS
  }

  #call(question: CallbackQuestion): Promise<HttpAnswer> {
    const { caller, token } = this.#options
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
    return caller.call({
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json', ...authorization },
      body: JSON.stringify(question),
    })
  }

  async #inTime(asked: Promise<HttpAnswer>): Promise<HttpAnswer> {
    const { clock, timeoutMs } = this.#options
    let answer: HttpAnswer = { answered: false, cause: `no answer within ${timeoutMs} ms` }
    const keep = (given: HttpAnswer) => {
      answer = given
    }
    await within(clock, timeoutMs, asked.then(keep))
    return answer
  }

  #note(verdict: Verdict, answer: HttpAnswer, attempt: AskedFor | undefined): void {
    const { clock, log } = this.#options
    const nowMs = clock.monotonicMs()
    const cause = answer.answered ? `an answer with status ${answer.status} that does not say who it is` : answer.cause
    if (verdict.is !== 'undecided' || verdict.because !== 'away') {
      if (this.#isAwayTold) log.info({}, 'the platform answers again')
      this.#isAwayTold = false
      this.#failures = 0
      this.#restsUntilMs = nowMs
      if (verdict.is === 'undecided') {
        this.#tell('unclear', { cause }, 'the platform does not say of a credential whose it is')
      }
      return
    }
    if (attempt !== undefined) this.#failedAtMs.set(attempt.from, nowMs)
    log.debug({ cause }, 'the platform did not say who it is')
    if (++this.#failures < MOST_FAILURES) return
    this.#isAwayTold ||= this.#tell('away', { cause }, AWAY)
    this.#restsUntilMs = nowMs + REST_MS
  }

  /** False where it was told lately. */
  #tell(what: 'away' | 'unclear' | 'busy', fields: object, message: string): boolean {
    const nowMs = this.#options.clock.monotonicMs()
    if (nowMs < this.#toldMs[what] + TOLD_EVERY_MS) return false
    this.#toldMs[what] = nowMs
    this.#options.log.warn(fields, message)
    return true
  }
}

/** Only 401 and 403 refuse a credential. Any other answer that is not understood passes, and closes nobody. */
function verdictOf(answer: HttpAnswer): Verdict {
  if (!answer.answered || answer.status >= 500) return { is: 'undecided', because: 'away' }
  if (answer.status === 401) return { is: 'refused', code: 'UNAUTHENTICATED' }
  if (answer.status === 403) return { is: 'refused', code: 'ORG_DISABLED' }
  const found = answer.status === 200 ? whoItIs.safeParse(jsonOf(answer.body)) : undefined
  if (!found?.success) return { is: 'undecided', because: 'unclear' }
  const { org, gateway, tier, limit, priority } = found.data
  const identity: Identity = {
    org,
    gateway,
    ...(tier !== undefined && { tier }),
    ...(priority && { priority }),
    ...(limit !== undefined && { limit: limit === 'unlimited' ? Number.POSITIVE_INFINITY : limit }),
  }
  return { is: 'known', identity }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
