import type { EventBus } from '../core/events.js'

/** Resolves with the next event that ends the start: the node admits, or a stop has begun before it did. */
export function whenStarted(events: EventBus): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const stop of stops) stop()
      resolve()
    }
    const stops = [events.on('node.started', done), events.on('node.quieted', done)]
  })
}
