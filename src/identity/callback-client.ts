import { z } from 'zod'
import type { Clock } from '../core/clock.js'
import { idProblem } from '../core/org-id.js'
import type { Identity } from '../gate/identify.js'
import type { Log } from '../observe/log.js'
import type { HttpAnswer, HttpCaller } from '../outbound/http-caller.js'

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
   * not for another credential; `unclear`: it answers, and may well know another; `unasked`: it is left alone for now.
   */
  | { readonly is: 'undecided'; readonly because: 'away' | 'unclear' | 'unasked' }

export interface CallbackClientOptions {
  readonly caller: HttpCaller
  readonly clock: Clock
  readonly log: Log
  /** Shown to the platform as a Bearer token. */
  readonly token?: string | undefined
}

const name = z.string().refine((text) => idProblem(text) === undefined)
const whoItIs = z.object({
  ...{ org: name, gateway: name, tier: z.string().min(1).max(64).optional() },
  priority: z.boolean().optional(),
  limit: z.union([z.int().min(0), z.literal('unlimited')]).optional(),
})

/** After so many failures of the platform in a row it is left alone for a while. */
const MOST_FAILURES = 5
const REST_MS = 1_000
/** Whoever invents credentials must not fill the log with what the platform says of them. */
const UNCLEAR_TOLD_EVERY_MS = 60_000

/** Asks the platform whose credential it is, within the caller's deadline. Never rejects. */
export class CallbackClient {
  readonly #options: CallbackClientOptions
  #failures = 0
  #restsUntilMs = Number.NEGATIVE_INFINITY
  #unclearToldMs = Number.NEGATIVE_INFINITY

  constructor(options: CallbackClientOptions) {
    this.#options = options
  }

  async ask(question: CallbackQuestion): Promise<Verdict> {
    const { caller, clock, token } = this.#options
    if (clock.monotonicMs() < this.#restsUntilMs) return { is: 'undecided', because: 'unasked' }
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const answer = await caller.call({
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json', ...authorization },
      body: JSON.stringify(question),
    })
    const verdict = verdictOf(answer)
    this.#note(verdict, answer)
    return verdict
  }

  stop(): void {
    this.#options.caller.close()
  }

  #note(verdict: Verdict, answer: HttpAnswer): void {
    const { clock, log } = this.#options
    const cause = answer.answered ? `an answer with status ${answer.status} that does not say who it is` : answer.cause
    if (verdict.is !== 'undecided' || verdict.because !== 'away') {
      if (this.#failures >= MOST_FAILURES) log.info({}, 'the platform answers again')
      this.#failures = 0
      if (verdict.is === 'undecided' && clock.monotonicMs() >= this.#unclearToldMs + UNCLEAR_TOLD_EVERY_MS) {
        this.#unclearToldMs = clock.monotonicMs()
        log.warn({ cause }, 'the platform does not say of a credential whose it is')
      }
      return
    }
    if (++this.#failures === MOST_FAILURES) {
      log.warn({ cause }, 'the platform does not say who may connect; who was known a while ago is let in')
    } else log.debug({ cause }, 'the platform did not say who it is')
    if (this.#failures >= MOST_FAILURES) this.#restsUntilMs = clock.monotonicMs() + REST_MS
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
    ...{ org, gateway },
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
