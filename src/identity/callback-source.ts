import { LRUCache } from 'lru-cache'
import type { Clock } from '../core/clock.js'
import type { Gate } from '../gate/gate.js'
import type { Identification, Identity } from '../gate/identify.js'
import { countedAs } from '../net/counted-address.js'
import type { AskedFor, CallbackClient, CallbackQuestion, Verdict } from './callback-client.js'
import { digestOf } from './digest.js'
import type { Attempt, IdentitySource } from './identity-source.js'

export interface CallbackSourceOptions {
  readonly client: CallbackClient
  readonly clock: Clock
  /** How long the platform is not asked again about a credential it knows. */
  readonly ttlMs: number
  /** How long such a credential is good while the platform does not answer, from when it last did. */
  readonly staleMs: number
  /** How long to wait between two rounds in which the platform is asked about who is in. */
  readonly recheckMs: number
  /** Whether the platform is shown the credential itself, beside its SHA-256. */
  readonly showsCredential: boolean
}

/** What is remembered of one credential; about 500 bytes. */
const MAX_KNOWN = 10_000
/** Apart from those who are known: a flood of invented credentials must not make the node forget the real ones. */
const MAX_REFUSED = 1_000
const REFUSED_TTL_MS = 5_000
/**
 * So many questions of a round are asked at once, and after so many failures of the platform in a row it is given up.
 */
const ROUND_WIDTH = 4
const ROUND_PATIENCE = 8

const TOO_MANY_ASK = 'more credentials are asked about at this moment than may be'

type Refused = Extract<Verdict, { is: 'refused' }>
interface Aged<T> {
  readonly verdict: T
  readonly atMs: number
  /** Of the question. */
  readonly number: number
}

/** What those have in common who came by one credential, however often its tier or limit has changed in between. */
interface Credential {
  /** What to ask with about it, for as long as anybody holds it. */
  readonly question: CallbackQuestion
  /** Whose it is by the last answer; `undefined` once it was refused. */
  owner: Identity | undefined
  /** The number of the question by which it was last asked about, over all questions. */
  turn: number
}

/**
 * Asks a platform over HTTP who presents a credential. Its word is believed for a while, and while it does not answer,
 * for a longer one; whoever is not remembered then is told 503, never 401. Attempts with one credential share a
 * question; rounds ask their own, since that of an attempt may still wait for its place among those of strangers.
 *
 * Who is in is asked about again, round after round, the orgs by turns and first whoever was asked about longest ago, so
 * that a round that is given up keeps nobody from his turn: who is refused by then, or has become somebody else, may not stay.
 * No failure of the platform ever closes a connection.
 */
export class CallbackSource implements IdentitySource {
  readonly #options: CallbackSourceOptions
  readonly #known = new LRUCache<string, Aged<Identity>>({ max: MAX_KNOWN })
  readonly #refused = new LRUCache<string, Aged<Refused>>({ max: MAX_REFUSED })
  readonly #asking = new Map<string, Promise<Verdict>>()
  readonly #credentials = new WeakMap<Identity, Credential>()
  #turn = 0
  #asked = 0
  #gate: Pick<Gate, 'closeRevoked' | 'identities'> | undefined
  #stopped = false
  #cancel: () => void = () => {}

  constructor(options: CallbackSourceOptions) {
    this.#options = options
  }

  async identify(credential: string, attempt: Attempt): Promise<Identification> {
    const { clock, ttlMs, staleMs, showsCredential } = this.#options
    const credentialSha256 = digestOf(credential).toString('hex')
    const ageMs = (aged: Aged<unknown>) => clock.monotonicMs() - aged.atMs
    const known = this.#known.get(credentialSha256)
    if (known !== undefined && ageMs(known) < ttlMs) return { identified: true, identity: known.verdict }
    const refused = this.#refused.get(credentialSha256)
    if (refused !== undefined && ageMs(refused) < REFUSED_TTL_MS)
      return { identified: false, code: refused.verdict.code }
    const question = { credentialSha256, ...(showsCredential && { credential }), ...attempt }
    const isKnownLately = known !== undefined && ageMs(known) < staleMs
    const verdict = await this.#askOrJoin(question, { from: countedAs(attempt.address ?? ''), isKnownLately })
    if (verdict.is === 'known') return { identified: true, identity: verdict.identity }
    if (verdict.is === 'refused') return { identified: false, code: verdict.code }
    // As it is remembered now: it may have been refused meanwhile, by the answer to another question.
    const still = this.#known.peek(credentialSha256)
    if (still !== undefined && ageMs(still) < staleMs) return { identified: true, identity: still.verdict }
    const detail = verdict.because === 'busy' ? TOO_MANY_ASK : 'whoever knows this credential does not answer'
    return { identified: false, code: 'IDENTITY_UNAVAILABLE', detail }
  }

  mayStay(identity: Identity): boolean {
    const owner = this.#credentials.get(identity)?.owner
    return owner !== undefined && isSameGateway(owner, identity)
  }

  watch(gate: Pick<Gate, 'closeRevoked' | 'identities'>): void {
    this.#gate = gate
    this.#cancel = this.#options.clock.after(this.#options.recheckMs, () => void this.#round(gate))
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
    this.#options.client.stop()
  }

  /** Who waits for the answer to another's question takes room like one that has to wait for its own. */
  async #askOrJoin(question: CallbackQuestion, attempt: AskedFor): Promise<Verdict> {
    const asking = this.#asking.get(question.credentialSha256)
    if (asking === undefined) return this.#ask(question, attempt)
    const leave = this.#options.client.join(attempt.from)
    if (leave === undefined) return { is: 'undecided', because: 'busy' }
    return asking.finally(leave)
  }

  /** Whoever comes with the same credential meanwhile gets its answer. */
  #ask(question: CallbackQuestion, attempt?: AskedFor): Promise<Verdict> {
    const { credentialSha256 } = question
    const number = ++this.#asked
    const asking = this.#options.client
      .ask(question, attempt)
      .then((verdict) => this.#newest(credentialSha256, number) ?? this.#learn(question, verdict, number))
      .finally(() => {
        if (this.#asking.get(credentialSha256) === asking) this.#asking.delete(credentialSha256)
      })
    this.#asking.set(credentialSha256, asking)
    return asking
  }

  /** What was answered to a later question, where one was: an answer that took longer is about a time before that. */
  #newest(credentialSha256: string, number: number): Verdict | undefined {
    const known = this.#known.peek(credentialSha256)
    if (known !== undefined && known.number > number) return { is: 'known', identity: known.verdict }
    const refused = this.#refused.peek(credentialSha256)
    return refused !== undefined && refused.number > number ? refused.verdict : undefined
  }

  /** Of an identity that is known already the same object is kept: all connections of a credential share it. */
  #learn({ path, address, ...question }: CallbackQuestion, verdict: Verdict, number: number): Verdict {
    const { credentialSha256 } = question
    const before = this.#known.peek(credentialSha256)?.verdict
    const credential = before && this.#credentials.get(before)
    const atMs = this.#options.clock.monotonicMs()
    if (verdict.is === 'undecided') return verdict
    if (verdict.is === 'refused') {
      this.#known.delete(credentialSha256)
      this.#refused.set(credentialSha256, { verdict, atMs, number })
      if (credential !== undefined) this.#settle(credential, undefined)
      return verdict
    }
    const identity = before !== undefined && isSame(before, verdict.identity) ? before : verdict.identity
    const known = credential ?? { question, owner: identity, turn: 0 }
    known.turn = ++this.#turn
    this.#credentials.set(identity, known)
    this.#refused.delete(credentialSha256)
    this.#known.set(credentialSha256, { verdict: identity, atMs, number })
    this.#settle(known, identity)
    return { is: 'known', identity }
  }

  /** Whoever came by it as somebody else may not stay. */
  #settle(credential: Credential, owner: Identity | undefined): void {
    const { owner: before } = credential
    credential.owner = owner
    const isTheSame = before === undefined || (owner !== undefined && isSameGateway(before, owner))
    if (!isTheSame) void this.#gate?.closeRevoked()
  }

  async #round(gate: Pick<Gate, 'closeRevoked' | 'identities'>): Promise<void> {
    const held = new Map<Credential, string>()
    for (const identity of gate.identities()) {
      const credential = this.#credentials.get(identity)
      if (credential !== undefined) held.set(credential, identity.org)
    }
    const credentials = inTurn(held).values()
    let failures = 0
    let isOver = false
    const ask = async () => {
      for (const credential of credentials) {
        if (this.#stopped || isOver) return
        const verdict = await this.#ask(credential.question)
        const cause = verdict.is === 'undecided' ? verdict.because : undefined
        failures = cause === 'away' ? failures + 1 : 0
        isOver ||= cause === 'busy' || failures >= ROUND_PATIENCE
        if (cause !== 'busy') credential.turn = ++this.#turn
        // The memory of it may have been lost meanwhile, and with it who came by it before.
        if (verdict.is === 'known') this.#settle(credential, verdict.identity)
        if (verdict.is === 'refused') this.#settle(credential, undefined)
      }
    }
    await Promise.all(Array.from({ length: ROUND_WIDTH }, ask))
    if (!this.#stopped) this.watch(gate)
  }
}

/**
 * Whoever was asked about longest ago comes first, and of no org a second one before a first of each other: a platform
 * that fails for all of one org must not have the round given up before others had their turn.
 */
function inTurn(held: ReadonlyMap<Credential, string>): Credential[] {
  const ranks: Credential[][] = []
  const orgs = new Map<string, number>()
  for (const [credential, org] of [...held].sort(([one], [other]) => one.turn - other.turn)) {
    const rank = orgs.get(org) ?? 0
    orgs.set(org, rank + 1)
    ranks[rank] ??= []
    ranks[rank].push(credential)
  }
  return ranks.flat()
}

function isSameGateway(one: Identity, other: Identity): boolean {
  return one.org === other.org && one.gateway === other.gateway
}

function isSame(one: Identity, other: Identity): boolean {
  return (
    isSameGateway(one, other) && one.tier === other.tier && one.limit === other.limit && one.priority === other.priority
  )
}
