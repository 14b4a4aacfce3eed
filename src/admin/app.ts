import { Hono } from 'hono'
import type { Clock } from '../core/clock.js'
import { UsageError } from '../core/errors.js'
import type { Limiter } from '../limiter/limiter.js'
import type { Log } from '../observe/log.js'
import type { Refusals } from '../observe/refusals/refusals.js'
import type { ClusterView } from '../observe/view/cluster-view.js'
import { StoreUnavailable } from '../store/lease-store.js'
import { type AdminEnv, bearer, type Guard } from './auth.js'
import { logChanges } from './change-log.js'
import { decodableOrg } from './encoding.js'
import { problem } from './problem.js'
import { dashboardApp } from './routes/dashboard.js'
import { drainsApp } from './routes/drains.js'
import { eventsApp } from './routes/events.js'
import { evictionsApp } from './routes/evictions.js'
import { healthApp } from './routes/health.js'
import { limitsApp } from './routes/limits.js'
import { type MetricsSource, metricsApp } from './routes/metrics.js'
import { nodesApp } from './routes/nodes.js'
import { openapiApp } from './routes/openapi.js'
import { orgsApp } from './routes/orgs.js'
import { refusalsApp } from './routes/refusals.js'
import type { TurnedAway } from './turned-away.js'

export interface AdminOptions {
  readonly limiter: Limiter
  readonly guard: Guard
  readonly turnedAway: Pick<TurnedAway, 'add'>
  readonly refusals: Refusals
  readonly view: ClusterView
  readonly metrics: MetricsSource
  /** `undefined` without a key file. */
  readonly keyFileUsable: (() => boolean) | undefined
  readonly clock: Clock
  readonly nodeName: string
  readonly version: string
  readonly log: Log
}

/** Everything on the admin listener: health and metrics without credentials, the rest for bearers of a token. */
export function adminApp({
  limiter,
  guard,
  turnedAway,
  refusals,
  view,
  metrics,
  keyFileUsable,
  clock,
  nodeName,
  version,
  log,
}: AdminOptions): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>()
  app.route('/', healthApp(limiter))
  app.route('/', dashboardApp())
  app.route('/', metricsApp(metrics, clock))
  app.use('/admin/*', logChanges(log, turnedAway), bearer(guard))
  app.use('/admin/v1/orgs/*', decodableOrg)
  app.route('/admin/v1', orgsApp(limiter))
  app.route('/admin/v1', evictionsApp(limiter))
  app.route('/admin/v1', limitsApp(limiter, clock))
  app.route('/admin/v1', drainsApp(limiter))
  app.route('/admin/v1', nodesApp({ limiter, nodeName, view, refusals, keyFileUsable }))
  app.route('/admin/v1', refusalsApp(refusals))
  app.route('/admin/v1', eventsApp(view, clock))
  app.route('/admin/v1', openapiApp(version))
  app.notFound((context) => problem(context, 404, 'NOT_FOUND'))
  app.onError((error, context) => {
    if (error instanceof StoreUnavailable) {
      context.header('Retry-After', '1')
      return problem(context, 503, 'STORE_UNAVAILABLE', error.message)
    }
    if (error instanceof UsageError) return problem(context, 400, error.code, error.message)
    log.error({ err: error, path: context.req.path }, 'an admin request failed')
    return problem(context, 500, 'INTERNAL_ERROR')
  })
  return app
}
