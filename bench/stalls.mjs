/** Below this Redis does not write a command down, so that the list of slow ones holds all that is of interest. */
const SLOW_US = 100
const REMEMBERED = 100_000
/** In ms; Redis's latency monitor knows no smaller one. */
const MONITORED_MS = 1

/**
 * For how long Redis did nothing else, told by Redis itself: its slow log has the commands, its latency monitor what it
 * did beside them. Both measure by the wall, so a machine that takes the CPU away from Redis shows too.
 */
export class Stalls {
  #redis

  constructor(redis) {
    this.#redis = redis
  }

  async forget() {
    await this.#redis.config('SET', 'slowlog-log-slower-than', SLOW_US, 'slowlog-max-len', REMEMBERED)
    await this.#redis.config('SET', 'latency-monitor-threshold', MONITORED_MS)
    await this.#redis.slowlog('RESET')
    await this.#redis.latency('RESET')
  }

  /** The longest since they were forgotten; 0 where none took as long as a slow one does. */
  async longestMs() {
    const slow = await this.#redis.slowlog('GET', REMEMBERED)
    const monitored = await this.#redis.latency('LATEST')
    const scripts = slow.filter(([, , , [command]]) => /^eval/i.test(command)).map(([, , us]) => us / 1_000)
    const events = monitored.filter(([event]) => event !== 'command').map(([, , , maxMs]) => maxMs)
    return scripts.concat(events).reduce((longest, one) => Math.max(longest, one), 0)
  }
}
