import { quantile } from './meter.mjs'

const EVERY_MS = 10

/**
 * How late the event loop of this process is, seen by a timer; and how much CPU the process had in the longest of these
 * waits, which tells its own work from a machine that had no time for it.
 */
export class EventLoopLag {
  #timer
  #lateMs = []
  #longest = { ms: 0, cpuMs: 0 }

  begin() {
    this.#lateMs = []
    this.#longest = { ms: 0, cpuMs: 0 }
    let [lastMs, lastCpu] = [performance.now(), process.cpuUsage()]
    this.#timer = setInterval(() => {
      const [nowMs, cpu] = [performance.now(), process.cpuUsage(lastCpu)]
      const ms = Math.max(0, nowMs - lastMs - EVERY_MS)
      this.#lateMs.push(ms)
      if (ms > this.#longest.ms) this.#longest = { ms, cpuMs: (cpu.user + cpu.system) / 1_000 }
      lastMs = nowMs
      lastCpu = process.cpuUsage()
    }, EVERY_MS)
  }

  end() {
    clearInterval(this.#timer)
    const { ms, cpuMs } = this.#longest
    return { p99Ms: quantile(this.#lateMs, 0.99), longestMs: ms, longestCpuMs: cpuMs }
  }
}
