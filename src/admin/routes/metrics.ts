import { Hono } from 'hono'

/** What a scrape is answered; a registry of prom-client is one. */
export interface MetricsSource {
  readonly contentType: string
  metrics(): Promise<string>
}

/** For Prometheus, and like health without credentials: there is no name of an org, a gateway or an address in it. */
export function metricsApp(source: MetricsSource): Hono {
  const app = new Hono()
  let underWay: Promise<string> | undefined
  /** Made once for all who ask while it is being made, so that many cost the store and the heap what one does. */
  const made = () => {
    underWay ??= source.metrics().finally(() => {
      underWay = undefined
    })
    return underWay
  }
  app.get('/metrics', async (context) => {
    const text = await made()
    return context.body(text, 200, { 'Content-Type': source.contentType, 'Cache-Control': 'no-store' })
  })
  return app
}
