import type { Session } from './session.js'

export interface Problem {
  readonly ok: false
  /** 0 where no answer came. */
  readonly status: number
  readonly code: string
  /** A sentence for the operator. */
  readonly said: string
  /** From Retry-After; 0 where there is none. */
  readonly retryAfterMs: number
}

export type Answer<T> = { readonly ok: true; readonly body: T } | Problem

const DEADLINE_MS = 10_000

/** Asks the admin API with the operator's token. A refusal or a lost answer is a value; nothing here throws. */
export class Api {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async get<T>(path: string): Promise<Answer<T>> {
    return this.#ask(path, { method: 'GET' })
  }

  /** Changes something; `body` is sent as JSON. */
  async send<T>(method: 'PUT' | 'DELETE', path: string, body?: object): Promise<Answer<T>> {
    return this.#ask(path, { method, ...(body !== undefined && { body: JSON.stringify(body) }) })
  }

  /** The raw answer, for a stream; its end is the caller's business. */
  open(path: string, signal: AbortSignal): Promise<Response> {
    return fetch(`/admin/v1/${path}`, { headers: this.#headers(), signal, cache: 'no-store' })
  }

  async #ask<T>(path: string, init: RequestInit): Promise<Answer<T>> {
    try {
      const response = await fetch(`/admin/v1/${path}`, {
        ...init,
        cache: 'no-store',
        headers: { ...this.#headers(), ...(init.body ? { 'content-type': 'application/json' } : {}) },
        signal: AbortSignal.timeout(DEADLINE_MS),
      })
      if (!response.ok) return this.refusal(response)
      return { ok: true, body: (await response.json()) as T }
    } catch {
      return { ok: false, status: 0, code: 'NO_ANSWER', said: 'This node does not answer', retryAfterMs: 0 }
    }
  }

  /** Reads problem details; a token that is refused ends the session. */
  async refusal(response: Response): Promise<Problem> {
    const details = (await response.json().catch(() => ({}))) as { code?: string; title?: string; detail?: string }
    if (response.status === 401) this.#session.refused()
    return {
      ok: false,
      status: response.status,
      code: details.code ?? `HTTP_${response.status}`,
      said: details.detail ?? details.title ?? `The node answered ${response.status}`,
      retryAfterMs: 1_000 * (Number(response.headers.get('retry-after')) || 0),
    }
  }

  #headers(): Record<string, string> {
    return { authorization: `Bearer ${this.#session.token ?? ''}` }
  }
}

export function orgPath(orgId: string): string {
  return `orgs/${encodeURIComponent(orgId)}`
}
