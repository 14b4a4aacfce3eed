import { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import { type Clock, within } from '../../core/clock.js'
import type { ClusterView, ViewEvent } from '../../observe/view/cluster-view.js'
import type { AdminEnv } from '../auth.js'
import { problem } from '../problem.js'
import { unlimited } from '../shown.js'

/** Who does not read for so long is cut off, whatever the answer is. */
export const STALLED_MS = 15_000

/** The cluster once a second, as server-sent events, until the client or the node ends it. */
export function eventsApp(view: ClusterView, clock: Clock): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>()
  app.get('/events', (context) => {
    // Hono asks here for HEAD too, and reads nothing: nobody would hear that who asked is gone.
    if (context.req.method === 'HEAD') return context.body(null, 200, { 'Content-Type': 'text/event-stream' })
    const viewer = view.watch()
    if (!viewer) {
      context.header('Retry-After', '5')
      return problem(context, 503, 'TOO_MANY_VIEWERS')
    }
    const socket = context.env.incoming?.socket
    const leave = () => {
      socket?.off('close', leave)
      view.leave(viewer)
    }
    // An answer that waits behind another of its connection has no socket yet, and Node tells it nothing of its end.
    socket?.once('close', leave)
    context.header('X-Accel-Buffering', 'no')
    return streamSSE(context, async (stream) => {
      stream.onAbort(leave)
      let event = await viewer.next()
      while (event && (await isTaken(stream.writeSSE(messageOf(event)), clock))) event = await viewer.next()
      leave()
      if (event) context.env.outgoing?.destroy()
    })
  })
  return app
}

async function isTaken(written: Promise<void>, clock: Clock): Promise<boolean> {
  let taken = false
  const take = () => {
    taken = true
  }
  await within(clock, STALLED_MS, written.then(take))
  return taken
}

function messageOf({ name, atMs, ...rest }: ViewEvent): { event: string; data: string } {
  return { event: name, data: JSON.stringify({ at: new Date(atMs).toISOString(), ...rest }, unlimited) }
}
