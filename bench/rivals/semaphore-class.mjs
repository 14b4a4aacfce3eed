import { createRequire } from 'node:module'

const { Semaphore } = createRequire(import.meta.url)('redis-semaphore')

/** The package redis-semaphore as its users call it: an object a holder, here without the timer that refreshes it. */
export function semaphoreClass({ plain }) {
  const holders = new Map()
  return {
    name: 'redis-semaphore, its class',
    async acquire([{ org, id, roomy }]) {
      const holder = new Semaphore(plain, org, roomy, {
        lockTimeout: 600_000,
        refreshInterval: 0,
        acquireAttemptsLimit: 1,
        retryInterval: 1,
      })
      holders.set(id, holder)
      return [await holder.tryAcquire()]
    },
    async release([{ id }]) {
      await holders.get(id).release()
      holders.delete(id)
      return [true]
    },
  }
}
