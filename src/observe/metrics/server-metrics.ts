import type { Metrics } from './metrics.js'

/** One way to find out who asks was asked. */
export interface IdentityAnswer {
  readonly source: string
  /** `identified`, the code of the refusal, or `unknown` where the credential is none of this source's. */
  readonly result: string
  readonly tookMs: number
}

/** The ways there are, and who is told of their answers. */
export interface IdentityAnswers {
  readonly sources: readonly string[]
  onAnswer(listener: (answer: IdentityAnswer) => void): void
}

/** Of one webhook, since it was opened. */
export interface WebhookFigures {
  readonly waiting: number
  readonly inFlight: number
  readonly delivered: number
  readonly dropped: number
  readonly failures: number
}

/** What only a server has beside its limiter. */
export interface ServerParts {
  /** @internal */
  readonly identities?: IdentityAnswers
  /** Whether the key file as it is now is in force; absent without one. Read at each scrape. @internal */
  readonly keyFileUsable?: (() => boolean) | undefined
  /** `undefined` where there is no webhook. Read at each scrape. @internal */
  readonly webhook?: () => WebhookFigures | undefined
}

/** The fields are named in the body alone, since the published types, which leave out what is internal, have none of them. */
export function countServer(parts: ServerParts, metrics: Metrics): void {
  const { identities, keyFileUsable, webhook } = parts
  for (const source of identities?.sources ?? []) {
    for (const result of ['identified', 'unknown', 'IDENTITY_UNAVAILABLE'])
      metrics.count('identity_answers_total', [source, result], 0)
  }
  identities?.onAnswer(({ source, result, tookMs }) => {
    metrics.count('identity_answers_total', [source, result])
    metrics.time('identity_answer_duration_seconds', [source], tookMs)
  })
  metrics.read('key_file_usable', () => metrics.set('key_file_usable', keyFileUsable && Number(keyFileUsable())))
  metrics.read('webhook_events_waiting', () => metrics.set('webhook_events_waiting', webhook?.()?.waiting))
  metrics.read('webhook_batches_in_flight', () => metrics.set('webhook_batches_in_flight', webhook?.()?.inFlight))
  const told = { delivered: 0, dropped: 0, failures: 0 }
  const news = (figure: keyof typeof told) => {
    const before = told[figure]
    told[figure] = webhook?.()?.[figure] ?? before
    return told[figure] - before
  }
  metrics.read('webhook_events_total', () => {
    for (const result of ['delivered', 'dropped'] as const)
      metrics.count('webhook_events_total', [result], news(result))
  })
  metrics.read('webhook_failures_total', () => metrics.count('webhook_failures_total', [], news('failures')))
}
