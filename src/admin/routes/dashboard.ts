import { createHash } from 'node:crypto'
import { Hono } from 'hono'
import { DASHBOARD_FILES } from '../dashboard.generated.js'

/**
 * Nothing but our own files and our own API, nothing inline, no form that leaves, and no page around ours: even if an
 * org's name became markup by a mistake of ours, it could run nothing.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
}

/**
 * The operators' page at `/`, from this module's memory. It holds no data and needs no credentials: what it shows it
 * asks of the admin API, with the token that the operator gives it.
 */
export function dashboardApp(): Hono {
  const app = new Hono()
  for (const [name, text] of Object.entries(DASHBOARD_FILES)) {
    const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`
    const headers = {
      'Content-Type': TYPES[name.slice(name.lastIndexOf('.') + 1)]!,
      'Content-Security-Policy': POLICY,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Resource-Policy': 'same-origin',
      // Asked each time, so that a new version of the server never runs with half of the old page.
      'Cache-Control': 'no-cache',
      ETag: etag,
    }
    app.get(name === 'index.html' ? '/' : `/dashboard/${name}`, (context) =>
      context.req.header('if-none-match') === etag
        ? context.body(null, 304, headers)
        : context.body(text, 200, headers),
    )
  }
  return app
}
