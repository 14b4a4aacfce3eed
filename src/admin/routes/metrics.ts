import { Hono } from 'hono'
import type { Clock } from '../../core/clock.js'

/** What a scrape is answered; a registry of prom-client is one. */
export interface MetricsSource {
  readonly contentType: string
  metrics(): Promise<string>
}

/** It takes a node a millisecond or two to make them. */
const FRESH_MS = 100

/** For Prometheus, and like health without credentials: there is no name of an org, a gateway or an address in it. */
export function metricsApp(source: MetricsSource, clock: Pick<Clock, 'monotonicMs'>): Hono {
  const app = new Hono()
  let last: { readonly text: Promise<string>; readonly atMs: number } | undefined
  let isBeingMade = false
  /**
   * Made once for all who ask while they are being made, or soon after: anybody may ask, and as often as he likes. 150 who
   * did would make each newcomer wait for seconds.
   */
  const made = () => {
    const nowMs = clock.monotonicMs()
    if (last && (isBeingMade || nowMs - last.atMs < FRESH_MS)) return last.text
    isBeingMade = true
    const text = source.metrics().finally(() => {
      isBeingMade = false
    })
    last = { text, atMs: nowMs }
    // A failure is told to those who have waited for it alone.
    text.catch(() => {
      last = undefined
    })
    return text
  }
  app.get('/metrics', async (context) => {
    const text = await made()
    return context.body(text, 200, { 'Content-Type': source.contentType, 'Cache-Control': 'no-store' })
  })
  return app
}
