import type { Answer, AnswerName, AwayAnswer, StatsAnswer } from '../../admin/answers.js'
import { CliError } from '../cli-error.js'
import { answerIn, type Body, bodyOf, refusalIn } from './answer.js'
import { awayFor } from './buckets-away.js'
import { fetchFailure } from './fetch-failure.js'
import type { Holder, Nodes, NoteQuery, Notes, Org, OrgLimits, Orgs, Source } from './source.js'

/** A node asks Redis for at most 2 s; its own words are what is seen. */
const TIMEOUT_MS = 5_000
/** A bound for a server that never ends its pages: some 500 orgs each. */
const MOST_PAGES = 2_000
/** Several times as long as a node's longest answer; whatever it holds, so much fits into memory. */
const MOST_BYTES = 32 * 1_024 * 1_024
/** Of all pages together: a million orgs. */
const MOST_BYTES_OF_PAGES = 4 * MOST_BYTES
/** A refusal is a sentence or two, which is shown. */
const MOST_BYTES_OF_REFUSAL = 16 * 1_024

const WHERE = '--admin or HEADCOUNT_ADMIN_URL says where the admin listener of a node is'
const IS_THAT_IT = 'is that the admin listener (ADMIN_PORT, 8081), and of this version of headcount?'
const TOKEN =
  'set ADMIN_TOKEN, or --token, to that of the node; one that has none prints the token that it made at its start'

/** What a code, or else a status, means for whoever asked, and what to do. */
const ADVICE: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  ['CONNECTION_NOT_FOUND', 'it is closed already, or never was: `headcount org ORG` lists those that are open'],
  ['NODE_NOT_FOUND', 'it is gone already, or never was: `headcount nodes` lists those that are'],
  [401, TOKEN],
  [403, 'this token may only look; use the one of ADMIN_TOKEN'],
  [404, IS_THAT_IT],
  [429, 'wait a minute, and use the right token then'],
  [503, 'the node cannot reach its store: `headcount doctor --redis URL` looks there. Open connections stay'],
])

interface Answered extends Body {
  readonly ok: boolean
  readonly status: number
}

/** Answers of the admin API of a node, which speaks for the whole cluster. */
export class AdminSource implements Source {
  readonly description: string
  readonly #url: URL
  readonly #token: string | undefined

  constructor(url: URL, token: string | undefined) {
    this.#url = url
    this.#token = token
    this.description = `${url.protocol}//${url.host}`
  }

  async orgs(): Promise<Orgs> {
    const orgs = new Map<string, Org>()
    let away: AwayAnswer = {}
    let cursor: string | null = '0'
    let bytes = 0
    for (let pages = 0; cursor !== null && pages < MOST_PAGES; pages++) {
      const response = await this.#ask('GET', `orgs?cursor=${cursor}`)
      bytes += response.bytes
      if (bytes > MOST_BYTES_OF_PAGES) throw this.#tooLong(MOST_BYTES_OF_PAGES)
      const page = await this.#read(response, 'orgs')
      for (const org of page.orgs) orgs.set(org.orgId, org)
      away = awayFor(away, page)
      cursor = page.nextCursor
    }
    return { orgs: [...orgs.values()], ...away }
  }

  limits(orgId: string): Promise<OrgLimits> {
    return this.admin('GET', `orgs/${encodeURIComponent(orgId)}`, 'org')
  }

  holders(orgId: string): Promise<{ connections: Holder[]; truncated: boolean }> {
    return this.admin('GET', `orgs/${encodeURIComponent(orgId)}/connections`, 'connections')
  }

  nodes(orgId?: string): Promise<Nodes> {
    const query = orgId === undefined ? '' : `?${new URLSearchParams({ org: orgId })}`
    return this.admin('GET', `nodes${query}`, 'nodes')
  }

  refusals({ org, requestId, limit }: NoteQuery): Promise<Notes> {
    const query = new URLSearchParams({ limit: String(limit), ...(org && { org }), ...(requestId && { requestId }) })
    return this.admin('GET', `refusals?${query}`, 'refusals')
  }

  stats(): Promise<StatsAnswer> {
    return this.admin('GET', 'stats', 'stats')
  }

  async admin<Name extends AnswerName>(method: string, path: string, name: Name, body?: object): Promise<Answer<Name>> {
    return this.#read(await this.#ask(method, path, body), name)
  }

  async #ask(method: string, path: string, body?: object): Promise<Answered> {
    const base = this.#url.href.replace(/\/$/, '')
    const headers = this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS)
      const response = await fetch(`${base}/admin/v1/${path}`, { method, headers, signal, redirect: 'error', ...sent })
      const { ok, status } = response
      return { ok, status, ...(await bodyOf(response, ok ? MOST_BYTES : MOST_BYTES_OF_REFUSAL)) }
    } catch (error) {
      throw new CliError(
        `cannot reach ${this.description}: ${fetchFailure(error, TIMEOUT_MS)}`,
        `is a node running there? ${WHERE}`,
      )
    }
  }

  async #read<Name extends AnswerName>({ ok, status, text }: Answered, name: Name): Promise<Answer<Name>> {
    const unreadable = `it answered ${status}, which is no answer of headcount`
    if (ok) {
      if (text === undefined) throw this.#tooLong(MOST_BYTES)
      const answer = await answerIn(text, name)
      if (answer) return answer
      throw new CliError(`${this.description}: ${unreadable}`, IS_THAT_IT, 'ANSWER_UNREADABLE')
    }
    const { code, title, detail } = refusalIn(text ?? '')
    const explained = code === undefined ? IS_THAT_IT : `docs/errors.md explains ${code}`
    const advice = ADVICE.get(code) ?? ADVICE.get(status) ?? explained
    throw new CliError(`${this.description}: ${detail ?? title ?? unreadable}`, advice, code)
  }

  #tooLong(bytes: number): CliError {
    const message = `${this.description}: its answer is longer than ${bytes / 1_024 / 1_024} MiB`
    return new CliError(message, `${IS_THAT_IT} --redis asks Redis itself`, 'ANSWER_TOO_LONG')
  }

  async close(): Promise<void> {}
}
