import { setTimeout as sleep } from 'node:timers/promises'

const LOOK_MS = 150
const MOST_LOOKS = 400

/** What Redis has allocated, without the buffers of clients, once its tables have stopped growing in the background. */
export async function settledBytes(redis) {
  let last = Number.NaN
  for (let look = 0; look < MOST_LOOKS; look++) {
    const info = await redis.info('memory')
    const field = (name) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)[1])
    const bytes = field('used_memory') - field('mem_clients_normal')
    if (bytes === last) return bytes
    last = bytes
    await sleep(LOOK_MS)
  }
  throw new Error('the memory of Redis does not settle: somebody else is using it')
}
