import { setImmediate as turn } from 'node:timers/promises'
import { createLimiter } from '../dist/index.js'
import { BEAT } from './settings.mjs'

/** Deadlines are generous here: a slow machine must give a slow number, not an abort. */
export const PATIENT = { leaseTtlMs: 30_000, renewIntervalMs: BEAT.renewMs, storeTimeoutMs: 5_000 }

/** headcount as a program embeds it: `limiter.admit` and `release`, with all that a node does beside them. */
export async function embedded({ url, prefix, name = 'headcount', limit }) {
  const limiter = createLimiter({ redis: url, keyPrefix: prefix, limits: { org: limit }, ...PATIENT })
  await limiter.ready()
  const held = new Map()
  return {
    name,
    async acquire([{ org, id }]) {
      const admission = await limiter.admit({ org })
      held.set(id, admission)
      return [admission.admitted]
    },
    release([{ id }]) {
      held.get(id).release()
      held.delete(id)
      return [true]
    },
    /** A slot is given back in the background: resolves when the store has confirmed each. */
    async settled() {
      while (limiter.waiting.releases > 0) {
        await nextCall(limiter)
        await turn()
      }
    },
    close: () => limiter.drain({ withinMs: 1_000 }),
  }
}

/** Resolves when a call to the store has been answered. To look in each turn of the loop would be counted as work of ours. */
function nextCall(limiter) {
  return new Promise((resolve) => {
    const stop = limiter.on('store.called', () => {
      stop()
      resolve()
    })
  })
}
