import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/**
 * Gives Redis and the thread that runs this a core of their own, as if they were on two machines, until what is returned is
 * called. Where the scheduler happens to put both on one core a round trip takes a fifth of the time, because no core has to be
 * woken, and which of the two it is changes from sample to sample. Does nothing on one core, without `taskset` (util-linux),
 * or where Redis is no process of this machine.
 */
export async function apart(redis) {
  const cores = availableParallelism()
  const pid = Number(/^process_id:(\d+)/m.exec(await redis.info('server'))?.[1])
  if (cores < 2 || !isRedisHere(pid)) return () => {}
  const place = (redisOn, thisOn) => {
    pin(pid, redisOn)
    pin(process.pid, thisOn)
  }
  try {
    place('0', `1-${cores - 1}`)
  } catch {
    return () => {}
  }
  return () => place(`0-${cores - 1}`, `0-${cores - 1}`)
}

function pin(pid, cores) {
  execFileSync('taskset', ['-cp', cores, `${pid}`], { stdio: 'ignore' })
}

function isRedisHere(pid) {
  try {
    return /redis|valkey/.test(readFileSync(`/proc/${pid}/comm`, 'utf8'))
  } catch {
    return false
  }
}
