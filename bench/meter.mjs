const CALIBRATIONS = 25

/**
 * Reads what Redis itself has counted. Two sums, because each leaves something out:
 * - `script`: microseconds inside the command, from INFO commandstats. No parsing, no socket, no reply.
 * - `cpu`: all CPU of the thread that executes commands, from INFO cpu. What a batch saves shows here.
 */
export class Meter {
  #redis

  /** CPU that a reading itself takes, to be taken off; it falls into no command that is measured. */
  #ownCpu = 0

  constructor(redis) {
    this.#redis = redis
  }

  async calibrate() {
    const readings = []
    for (let i = 0; i < CALIBRATIONS; i++) readings.push(await this.measure('info', 1, async () => {}))
    this.#ownCpu = median(readings.map(({ cpu }) => cpu))
  }

  /** Runs `work` and resolves to the microseconds an item that `command` and the thread took meanwhile. */
  async measure(command, items, work) {
    const before = await this.#read(command)
    await work()
    const after = await this.#read(command)
    return { script: (after.script - before.script) / items, cpu: (after.cpu - before.cpu - this.#ownCpu) / items }
  }

  async #read(command) {
    const stats = await this.#redis.info('commandstats')
    const cpu = await this.#redis.info('cpu')
    const usec = new RegExp(`^cmdstat_${command}:calls=\\d+,usec=(\\d+)`, 'm').exec(stats)?.[1] ?? 0
    return { script: Number(usec), cpu: 1e6 * (seconds(cpu, 'user') + seconds(cpu, 'sys')) }
  }
}

/** Servers that cannot tell the thread apart tell the process. */
function seconds(info, kind) {
  const thread = new RegExp(`^used_cpu_${kind}_main_thread:([\\d.]+)`, 'm').exec(info)
  return Number((thread ?? new RegExp(`^used_cpu_${kind}:([\\d.]+)`, 'm').exec(info))[1])
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** The value below which this share of the numbers lies. */
export function quantile(numbers, share) {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
}
