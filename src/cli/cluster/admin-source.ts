import type { AwayAnswer, StatsAnswer } from '../../admin/answers.js'
import { CliError } from '../cli-error.js'
import { awayFor } from './buckets-away.js'
import { fetchFailure } from './fetch-failure.js'
import type { Holder, Nodes, NoteQuery, Notes, Org, OrgLimits, Orgs, Source } from './source.js'

/** A node asks Redis for at most 2 s; its own words are what is seen. */
const TIMEOUT_MS = 5_000
/** A bound for a server that never ends its pages: some 500 orgs each. */
const MOST_PAGES = 2_000

const WHERE = '--admin or HEADCOUNT_ADMIN_URL says where the admin listener of a node is'
const TOKEN =
  'set ADMIN_TOKEN, or --token, to that of the node; one that has none prints the token that it made at its start'

/** What a code, or else a status, means for whoever asked, and what to do. */
const ADVICE: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  ['CONNECTION_NOT_FOUND', 'it is closed already, or never was: `headcount org ORG` lists those that are open'],
  ['NODE_NOT_FOUND', 'it is gone already, or never was: `headcount nodes` lists those that are'],
  [401, TOKEN],
  [403, 'this token may only look; use the one of ADMIN_TOKEN'],
  [404, 'is that the admin listener (ADMIN_PORT, 8081), and of this version of headcount?'],
  [429, 'wait a minute, and use the right token then'],
  [503, 'the node cannot reach its store: `headcount doctor --redis URL` looks there. Open connections stay'],
])

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
    for (let pages = 0; cursor !== null && pages < MOST_PAGES; pages++) {
      const page: Orgs & { nextCursor: string | null } = await this.admin('GET', `orgs?cursor=${cursor}`)
      for (const org of page.orgs) orgs.set(org.orgId, org)
      away = awayFor(away, page)
      cursor = page.nextCursor
    }
    return { orgs: [...orgs.values()], ...away }
  }

  limits(orgId: string): Promise<OrgLimits> {
    return this.admin('GET', `orgs/${encodeURIComponent(orgId)}`)
  }

  holders(orgId: string): Promise<{ connections: Holder[]; truncated: boolean }> {
    return this.admin('GET', `orgs/${encodeURIComponent(orgId)}/connections`)
  }

  nodes(orgId?: string): Promise<Nodes> {
    const query = orgId === undefined ? '' : `?${new URLSearchParams({ org: orgId })}`
    return this.admin('GET', `nodes${query}`)
  }

  refusals({ org, requestId, limit }: NoteQuery): Promise<Notes> {
    const query = new URLSearchParams({ limit: String(limit), ...(org && { org }), ...(requestId && { requestId }) })
    return this.admin('GET', `refusals?${query}`)
  }

  stats(): Promise<StatsAnswer> {
    return this.admin('GET', 'stats')
  }

  async admin<T>(method: string, path: string, body?: object): Promise<T> {
    const base = this.#url.href.replace(/\/$/, '')
    const headers = this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    let response: Response
    let text: string
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS)
      response = await fetch(`${base}/admin/v1/${path}`, { method, headers, signal, redirect: 'error', ...sent })
      text = await response.text()
    } catch (error) {
      throw new CliError(
        `cannot reach ${this.description}: ${fetchFailure(error, TIMEOUT_MS)}`,
        `is a node running there? ${WHERE}`,
      )
    }
    const answer = parsed(text)
    if (response.ok && answer !== undefined) return answer as T
    const { code, title, detail } = (answer ?? {}) as { code?: string; title?: string; detail?: string }
    const said = detail ?? title ?? `it answered ${response.status}, which is no answer of headcount`
    throw new CliError(
      `${this.description}: ${said}`,
      ADVICE.get(code) ?? ADVICE.get(response.status) ?? `docs/errors.md explains ${code}`,
      code,
    )
  }

  async close(): Promise<void> {}
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
